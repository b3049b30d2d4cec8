"""What can be known about the AWS configuration without an account, and that each check finds its fault."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest

from infra.checks import tools
from infra.checks.tools import TERRAFORM
from tests.infra.terraform.programs import asked

FAULTS = tomllib.loads(Path(__file__).with_name("faults.toml").read_text())
SKIP = re.compile(r"#checkov:skip=(\w+):(.*)")


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """A copy of the configuration with every fault planted."""
    copy = tmp_path_factory.mktemp("faulty") / "terraform"
    shutil.copytree(TERRAFORM, copy)
    for fault in FAULTS.values():
        plant(copy / fault["file"], fault.get("old"), fault["new"])
    return copy


def plant(path, old, new):
    text = path.read_text()
    assert old is None or old in text, f"{path.name} has no {old!r}"
    path.write_text(text.replace(old, new) if old else text + new)


@pytest.fixture(scope="module")
def findings_of_faults(faulty):
    return tools.configuration(faulty)


@pytest.fixture(scope="module")
def report():
    return tools.checkov(TERRAFORM)


def test_the_configuration_fits_the_provider_and_keeps_its_promises():
    assert tools.configuration(TERRAFORM) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault, findings_of_faults):
    assert FAULTS[fault]["finding"] in findings_of_faults


def test_an_empty_configuration_keeps_no_promise(tmp_path):
    assert tools.configuration(tmp_path) == [
        "the default security group of the VPC is open",
        "aws_s3_bucket.lake is missing",
        "aws_kms_key.lakehouse is missing",
        "no budget tells anybody",
        "no alarm stops the idle hosts airflow and spark",
        "no alarm ends the idle workers",
        "no schedule starts hosts and workers before the run",
        "the provider has no default tags Project and Environment",
        *(f"{name}.json.tftpl is missing" for name in ("airflow", "spark", "worker")),
        *(f"{name}.json.tftpl is missing" for name in ("lake-bucket", "code-bucket", "site-bucket-cloudfront")),
        "lake-bucket.json.tftpl does not deny s3:DeleteObjectVersion to everybody",
        "lake-bucket.json.tftpl does not deny s3:DeleteBucket to everybody",
        *(
            f"{name}.json.tftpl does not deny plain HTTP"
            for name in ("lake-bucket", "code-bucket", "site-bucket-cloudfront")
        ),
    ]


def test_a_file_that_is_no_hcl_is_named(tmp_path):
    (tmp_path / "main.tf").write_text('resource "aws_vpc" {\n  cidr_block = \n')

    with pytest.raises(RuntimeError, match=r"main\.tf"):
        tools.configuration(tmp_path)


def test_checkov_finds_nothing(report):
    found = [
        f"{check['file_path']}: {check['resource']}: {check['check_id']}"
        for check in report["results"]["failed_checks"]
    ]

    assert found == []
    assert report["summary"]["parsing_errors"] == 0  # what it cannot parse it leaves out
    assert report["summary"]["passed"] > 200


def test_every_skip_of_checkov_has_a_reason_and_names_a_check(report):
    skips = [
        (path.relative_to(TERRAFORM).as_posix(), *found.groups())
        for path in TERRAFORM.rglob("*.tf")
        for found in SKIP.finditer(path.read_text())
    ]
    skipped = {(check["file_path"].lstrip("/"), check["check_id"]) for check in report["results"]["skipped_checks"]}

    assert [skip for skip in skips if len(skip[2].split()) < 4] == []
    assert {(file, check) for file, check, _ in skips} == skipped


def test_checkov_finds_planted_faults(faulty):
    failed = {(check["check_id"], check["resource"]) for check in tools.checkov(faulty)["results"]["failed_checks"]}

    assert failed >= {
        ("CKV_AWS_3", "module.airflow.aws_ebs_volume.data"),  # encryption
        ("CKV_AWS_8", "module.spark.aws_instance.spark"),
        ("CKV_AWS_26", "module.guard.aws_sns_topic.alerts"),
        ("CKV_AWS_79", "module.airflow.aws_instance.airflow"),  # IMDSv2
        ("CKV_AWS_88", "module.airflow.aws_instance.airflow"),  # public address
        ("CKV_AWS_130", "module.network.aws_subnet.public"),
        ("CKV_AWS_274", "module.airflow.aws_iam_role_policy_attachment.snapshots"),  # AdministratorAccess
        ("CKV2_AWS_6", "module.storage.aws_s3_bucket.code"),  # public access block
    }


def test_terraform_would_format_nothing():
    assert asked(tools.unformatted, TERRAFORM) == []


def test_an_unformatted_file_is_named(tmp_path):
    (tmp_path / "main.tf").write_text('locals {\n  a="b"\n}\n')

    assert [Path(name).name for name in asked(tools.unformatted, tmp_path)] == ["main.tf"]
