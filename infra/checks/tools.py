"""The checks of ``infra/`` that other programs do; each takes a folder and returns its findings, a line each.

``python -m infra.checks.tools`` checks the repository.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.checks.environment import python
from infra.files import REPOSITORY

TERRAFORM = REPOSITORY / "infra" / "terraform"
NOWHERE = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
"""A checker that asks the network would be answered differently tomorrow."""


class MissingProgramError(Exception):
    """A program that no package registry has; the message names it."""


def configuration(folder: Path) -> list[str]:
    """What ``infra.checks.terraform`` finds: the provider's schema, references, promises and policies."""
    return output([str(python()), "-m", "infra.checks.terraform", str(folder)]).splitlines()


def unformatted(folder: Path) -> list[str]:
    """The files that ``terraform fmt`` would change. Raises MissingProgramError."""
    if not shutil.which("terraform"):
        raise MissingProgramError("no terraform on PATH: its formatter cannot be asked")
    return output(["terraform", "fmt", "-check", "-recursive", "-list=true", str(folder)]).splitlines()


def checkov(folder: Path) -> dict[str, Any]:
    """checkov's report: ``summary``, and in ``results`` the ``failed_checks`` and ``skipped_checks``."""
    command = [str(python("checkov")), "-m", "checkov.main", "--directory", str(folder), "--framework", "terraform"]
    report: dict[str, Any] = json.loads(output([*command, "--skip-download", "--compact", "--output", "json"], NOWHERE))
    return report


def shellcheck(folder: Path) -> list[str]:
    """Findings of shellcheck about every script of ``sh`` or ``bash`` in a folder and below."""
    shells = (b"#!/bin/sh", b"#!/bin/bash", b"#!/usr/bin/env bash")
    scripts = [
        str(path) for path in sorted(folder.rglob("*")) if path.is_file() and path.read_bytes().startswith(shells)
    ]
    return output([str(python().with_name("shellcheck")), "--format", "gcc", *scripts]).splitlines()


def cloud_init(user_data: Path) -> list[str]:
    """What is wrong with a cloud-config by cloud-init's own schema. Raises MissingProgramError."""
    if not shutil.which("cloud-init"):
        raise MissingProgramError("no cloud-init on PATH: its schema cannot be asked")
    command = ["cloud-init", "schema", "--config-file", str(user_data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else (done.stdout + done.stderr).splitlines()


def output(command: list[str], environment: Mapping[str, str] | None = None) -> str:
    """What a checker prints. It ends with 1 when it finds something.

    Raises:
        RuntimeError: it could not check.
    """
    variables = os.environ | (environment or {})
    done = subprocess.run(command, cwd=REPOSITORY, env=variables, capture_output=True, text=True, check=False)
    if done.returncode and not done.stdout:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    failed = checkov(TERRAFORM)["results"]["failed_checks"]
    found = [
        *configuration(TERRAFORM),
        *(f"{name}: not formatted" for name in unformatted(TERRAFORM)),
        *(f"{check['file_path']}: {check['resource']}: {check['check_id']} {check['check_name']}" for check in failed),
        *shellcheck(REPOSITORY / "infra"),
    ]
    sys.exit("\n".join(found) or 0)
