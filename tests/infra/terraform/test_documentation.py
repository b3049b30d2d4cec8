"""docs/aws.md speaks of what is there."""

import re

from infra.checks.tools import TERRAFORM
from infra.files import REPOSITORY

PAGE = (REPOSITORY / "docs" / "aws.md").read_text()
HCL = "\n".join(path.read_text() for path in TERRAFORM.rglob("*.tf"))


def test_every_alarm_has_an_entry():
    alarms = set(re.findall(r'alarm_name += "\$\{var\.name\}-([a-z-]+)', HCL))
    entries = set(re.findall(r"`([a-z-]+)`", " ".join(line.split("|")[1] for line in table("## Alarms"))))

    assert len(alarms) == 7
    assert {alarm for alarm in alarms if not any(entry.startswith(alarm) for entry in entries)} == set()


def test_every_module_has_an_entry():
    modules = {path.name for path in (TERRAFORM / "modules").iterdir()}

    assert set(re.findall(r"`infra/terraform/modules/([a-z]+)`", " ".join(table("# On AWS")))) == modules


def test_the_outputs_that_commands_use_are_there():
    outputs = set(re.findall(r'^output "(\w+)"', (TERRAFORM / "outputs.tf").read_text(), re.MULTILINE))
    used = set(re.findall(r"terraform output -(?:raw|json) (\w+)", PAGE))

    assert used
    assert used <= outputs


def test_the_variables_that_the_page_names_are_there():
    variables = set(re.findall(r'^variable "(\w+)"', (TERRAFORM / "variables.tf").read_text(), re.MULTILINE))
    given = set(re.findall(r"-var (\w+)=", PAGE)) | set(re.findall(r"^(\w+) += \"", PAGE, re.MULTILINE))

    assert given
    assert given <= variables


def test_hosts_start_half_an_hour_before_the_monthly_run():
    dag = (REPOSITORY / "dags" / "movielens_lakehouse.py").read_text()

    assert '"0 6 1 * *", timezone="UTC"' in dag
    assert 'default     = "cron(30 5 1 * ? *)"' in HCL


def table(heading: str) -> list[str]:
    """The rows of the first table below a heading."""
    below = PAGE[PAGE.index(f"{heading}\n") :]
    return [line for line in below.split("\n\n|", 1)[1].split("\n\n")[0].splitlines()[2:] if line]
