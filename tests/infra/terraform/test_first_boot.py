"""What a host does at its first boot: cloud-init and the script that it runs."""

import json
import os
import re

import pytest
import yaml

from infra.checks import tools
from infra.checks.tools import TERRAFORM
from infra.files import REPOSITORY
from tests.fixtures.programs import need
from tests.infra.terraform.programs import asked

HOST = TERRAFORM / "modules" / "host"
INSTALL = (HOST / "lakehouse-install").read_text()
SETTINGS = {"role": "worker", "parameters": "/lakehouse/prod", "spark": {"spark.executor.memory": "11g"}}
VALUES = {
    "settings": json.dumps(json.dumps(SETTINGS)),
    "install": json.dumps(INSTALL),
    "region": "eu-central-1",
    "code_bucket": "lakehouse-prod-code",
    "parameters": "/lakehouse/prod",
    "data_volume": "vol-0123456789abcdef0",
}


@pytest.fixture(scope="module")
def cloud_init():
    """In CI it is installed. It would take part in the next boot of a person's machine, so there it is not."""
    if os.environ.get("CI"):
        need({"cloud-init": "cloud-init"})
    return lambda user_data: asked(tools.cloud_init, user_data)


@pytest.fixture
def user_data(tmp_path):
    """The template of cloud-init, filled as Terraform fills it."""
    template = (HOST / "cloud-init.yaml.tftpl").read_text()
    path = tmp_path / "user-data"
    path.write_text(re.sub(r"\$\{(\w+)\}", lambda name: VALUES[name[1]], template))
    return path


def test_cloud_init_understands_the_first_boot(cloud_init, user_data):
    assert cloud_init(user_data) == []


def test_a_misspelled_key_of_cloud_init_is_found(cloud_init, user_data):
    user_data.write_text(user_data.read_text().replace("permissions:", "permission:"))

    assert "permission" in "\n".join(cloud_init(user_data))


def test_the_files_arrive_as_they_were_written_and_the_script_runs(user_data):
    config = yaml.safe_load(user_data.read_text())
    files = {file["path"]: file["content"] for file in config["write_files"]}

    assert json.loads(files["/etc/lakehouse/settings.json"]) == SETTINGS
    assert files["/usr/local/sbin/lakehouse-install"] == INSTALL
    assert "DATA_VOLUME=vol-0123456789abcdef0\n" in files["/etc/lakehouse/install.env"]
    assert config["runcmd"] == [["/usr/local/sbin/lakehouse-install"]]


def test_the_first_boot_fits_into_user_data(user_data):
    assert len(user_data.read_bytes()) < 16_384  # what EC2 accepts


def test_shellcheck_finds_nothing():
    assert tools.shellcheck(REPOSITORY / "infra") == []


def test_shellcheck_finds_a_planted_fault(tmp_path):
    (tmp_path / "lakehouse-install").write_text(INSTALL.replace('rm -f "$archive"', "rm -f $archive"))

    found = tools.shellcheck(tmp_path)

    assert len(found) == 1
    assert re.search(r"lakehouse-install:\d+:.*SC2086", found[0])
