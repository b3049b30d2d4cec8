"""What the policies of ``policies/`` allow and deny, asked of the policies themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

WHOLE = {
    ("session-manager", "OpenSessions"): "these actions know no resources",
    ("key", "TheAccountDecides"): "a key that its account does not administer is lost; the roles' policies decide",
    ("key", "LogGroups"): "in the policy of a key, * is this key; a condition names the log groups",
    ("key", "AlarmsOnTheEncryptedTopic"): "in the policy of a key, * is this key; a condition names the account",
    ("site-bucket", "EverybodyReadsThePage"): "the page is public",
}
"""Statements that may name everything, and everybody."""

LAKE, SITE, CODE = "arn:aws:s3:::<lake_bucket>", "arn:aws:s3:::<site_bucket>", "arn:aws:s3:::<code_bucket>"
PARAMETER = "arn:aws:ssm:<region>:<account>:parameter<parameters>"
GLUE = "arn:aws:glue:<region>:<account>"
HOSTS = ("airflow", "spark", "worker")
FORBIDDEN = {
    "airflow": [
        ("s3:DeleteObject", f"{SITE}/index.html"),
        ("s3:PutObjectAcl", f"{SITE}/index.html"),
        ("s3:DeleteObject", f"{LAKE}/logs/task.log"),
        ("ssm:GetParameter", f"{PARAMETER}/spark/rpc-secret"),
    ],
    "spark": [
        ("s3:PutObject", f"{SITE}/index.html"),
        ("s3:PutObject", f"{LAKE}/landing/ratings.csv"),
        ("s3:DeleteObject", f"{LAKE}/quality/report.json"),
        ("ssm:PutParameter", f"{PARAMETER}/spark/rpc-secret"),
        ("ssm:GetParameter", f"{PARAMETER}/airflow/connections/lakehouse_alerts"),
    ],
    "worker": [
        ("s3:PutObject", f"{SITE}/index.html"),
        ("s3:GetObject", f"{SITE}/index.html"),
        ("s3:PutObject", f"{LAKE}/landing/ratings.csv"),
        ("s3:DeleteObject", f"{LAKE}/warehouse/data.parquet"),
        ("s3:ListBucket", LAKE),
        ("glue:GetTable", f"{GLUE}:table/gold/top_movies"),
        ("glue:UpdateTable", f"{GLUE}:table/gold/top_movies"),
        ("ssm:GetParameter", f"{PARAMETER}/airflow/connections/spark_default"),
        ("ssm:PutParameter", f"{PARAMETER}/spark/certificate"),
    ],
}
FORBIDDEN_TO_HOSTS = [
    ("s3:DeleteObjectVersion", f"{LAKE}/warehouse/data.parquet"),
    ("s3:DeleteBucket", LAKE),
    ("s3:PutBucketPolicy", LAKE),
    ("s3:PutLifecycleConfiguration", LAKE),
    ("s3:PutObject", f"{CODE}/code/v1.tar.gz"),
    ("s3:DeleteObject", f"{CODE}/code/v1.tar.gz"),
    ("ssm:PutParameter", f"{PARAMETER}/code-version"),
    ("glue:DeleteTable", f"{GLUE}:table/gold/top_movies"),
    ("glue:DeleteDatabase", f"{GLUE}:database/gold"),
    ("iam:PassRole", "arn:aws:iam::<account>:role/<name>-airflow"),
    ("kms:ScheduleKeyDeletion", "<key_arn>"),
]
DENIED_TO_ALL = [
    ("lake-bucket", "s3:DeleteObjectVersion", f"{LAKE}/warehouse/data.parquet"),
    ("lake-bucket", "s3:DeleteBucket", LAKE),
]
TLS_ONLY = ("lake-bucket", "code-bucket", "site-bucket-cloudfront")


def check(folder: Path) -> Iterator[str]:
    """Findings about the policies of a folder, filled with names in angle brackets."""
    policies = {}
    for path in sorted(folder.glob("*.json.tftpl")):
        name = path.name.removesuffix(".json.tftpl")
        try:
            policies[name] = statements(path.read_text())
        except ValueError as error:
            yield f"{path.name}: {error}"
    yield from (f"{name}.json.tftpl is missing" for name in (*HOSTS, *TLS_ONLY) if name not in policies)
    for name, policy in policies.items():
        yield from wildcards(name, policy)
    for host in HOSTS:
        for action, resource in FORBIDDEN[host] + FORBIDDEN_TO_HOSTS:
            if allows(policies.get(host, []), action, resource):
                yield f"{host}.json.tftpl allows {action} on {resource}"
    for name, action, resource in DENIED_TO_ALL:
        if not any(denies_everybody(statement, action, resource) for statement in policies.get(name, [])):
            yield f"{name}.json.tftpl does not deny {action} to everybody"
    for name in TLS_ONLY:
        plain = {"Bool": {"aws:SecureTransport": "false"}}
        if not any(
            statement["Effect"] == "Deny" and statement.get("Condition") == plain
            for statement in policies.get(name, [])
        ):
            yield f"{name}.json.tftpl does not deny plain HTTP"


def statements(template: str) -> list[dict[str, Any]]:
    policy: dict[str, Any] = json.loads(re.sub(r"\$\{(\w+)\}", r"<\1>", template))
    found: list[dict[str, Any]] = policy["Statement"]
    return found


def wildcards(name: str, policy: list[dict[str, Any]]) -> Iterator[str]:
    """Findings about statements that allow everything, or everybody, and are not listed."""
    for statement in policy:
        if statement["Effect"] != "Allow" or (name, statement.get("Sid")) in WHOLE:
            continue
        where = f"{name}.json.tftpl: {statement.get('Sid')}"
        if {"NotAction", "NotResource", "NotPrincipal"} & statement.keys():
            yield f"{where}: allows what is not named"
        if any(action == "*" or action.endswith(":*") for action in listed(statement.get("Action"))):
            yield f"{where}: allows every action"
        if any(resource == "*" or resource.endswith(":::*") for resource in listed(statement.get("Resource"))):
            yield f"{where}: allows every resource"
        if statement.get("Principal") in ("*", {"AWS": "*"}):
            yield f"{where}: allows everybody"


def allows(policy: list[dict[str, Any]], action: str, resource: str) -> bool:
    """Whether a statement allows it; conditions are taken as met."""
    return any(statement["Effect"] == "Allow" and covers(statement, action, resource) for statement in policy)


def denies_everybody(statement: dict[str, Any], action: str, resource: str) -> bool:
    whole = statement.get("Principal") == "*" and "Condition" not in statement
    return statement["Effect"] == "Deny" and whole and covers(statement, action, resource)


def covers(statement: dict[str, Any], action: str, resource: str) -> bool:
    actions, resources = listed(statement.get("Action")), listed(statement.get("Resource"))
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in actions) and any(
        fnmatchcase(resource, pattern) for pattern in resources
    )


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []
