"""The AWS account of the tests: a server that answers for AWS, and in it what Terraform makes in a real account."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, cached_property
from string import Template
from typing import Any

import boto3
import httpx
from botocore.config import Config

from infra.files import infra

REGION, NUMBER, NAME, PARAMETERS = "eu-central-1", "123456789012", "lakehouse-test", "/lakehouse/test"
LAKE, SITE, CODE = f"{NAME}-lake", f"{NAME}-site", f"{NAME}-code"
TOPIC = f"arn:aws:sns:{REGION}:{NUMBER}:{NAME}-alerts"
SPARK_TOKEN, RPC_SECRET = "token-of-connect", "secret-of-rpc"
VALUES = {
    "account": NUMBER,
    "alerts_topic_arn": TOPIC,
    "code_bucket": CODE,
    "key_arn": f"arn:aws:kms:{REGION}:{NUMBER}:key/lakehouse",
    "lake_bucket": LAKE,
    "name": NAME,
    "parameters": PARAMETERS,
    "region": REGION,
    "site_bucket": SITE,
}
SPARK_DEFAULT = {
    "conn_type": "spark_connect",
    "host": "spark.lakehouse.internal",
    "port": 15003,
    "password": SPARK_TOKEN,
    "extra": {"use_ssl": True},
}
TEXTS = {
    "airflow/connections/aws_default": json.dumps({"conn_type": "aws", "extra": {"region_name": REGION}}),
    "airflow/variables/lakehouse_lake_bucket": LAKE,
    "airflow/variables/lakehouse_site_bucket": SITE,
    "code-version": "1.0.0",
}
SECRETS = {"airflow/connections/spark_default": json.dumps(SPARK_DEFAULT), "spark/rpc-secret": RPC_SECRET}
ROLES = ("airflow", "spark", "worker")
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def policy(name: str) -> str:
    """A policy of ``infra/terraform/policies`` for this account."""
    return Template(infra(f"terraform/policies/{name}.json.tftpl")).substitute(VALUES)


@cache
def client(url: str, service: str, *keys: str | None) -> Any:
    return boto3.Session(*keys, region_name=REGION).client(
        service, endpoint_url=url, config=Config(retries={"max_attempts": 0})
    )


@dataclass(frozen=True)
class Account:
    """The account at an address, with the keys of a user."""

    url: str
    keys: dict[str, str] = field(default_factory=lambda: {"AccessKeyId": "nobody", "SecretAccessKey": "asks"})

    def client(self, service: str, keys: dict[str, Any] | None = None) -> Any:
        """A client by the keys of another user or of a role, by default by those of the account."""
        keys = keys or self.keys
        return client(self.url, service, keys["AccessKeyId"], keys["SecretAccessKey"], keys.get("SessionToken"))

    @cached_property
    def s3(self) -> Any:
        return self.client("s3")

    def make_owner(self) -> Account:
        """The account as its owner sees it, who may do everything."""
        iam = self.client("iam")
        iam.create_user(UserName="owner")
        iam.put_user_policy(UserName="owner", PolicyName="everything", PolicyDocument=json.dumps(EVERYTHING))
        return Account(self.url, iam.create_access_key(UserName="owner")["AccessKey"])

    def judge_requests(self) -> None:
        """From here on each request must be allowed by the policies of who sends it."""
        httpx.post(f"{self.url}/moto-api/reset-auth", content="0", trust_env=False).raise_for_status()

    def make_buckets(self) -> None:
        for bucket in (LAKE, SITE, CODE):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        self.s3.put_bucket_policy(Bucket=SITE, Policy=policy("site-bucket"))
        index = {"IndexDocument": {"Suffix": "index.html"}}
        self.s3.put_bucket_website(Bucket=SITE, WebsiteConfiguration=index)
        self.s3.put_object(Bucket=CODE, Key="code/1.0.0.tar.gz", Body=b"code")

    def make_parameters(self) -> None:
        ssm = self.client("ssm")
        for kind, values in {"String": TEXTS, "SecureString": SECRETS}.items():
            for name, value in values.items():
                ssm.put_parameter(Name=f"{PARAMETERS}/{name}", Value=value, Type=kind)

    def make_role(self, role: str) -> dict[str, Any]:
        """Credentials of a role with its policy, in the form of an instance's metadata and of STS."""
        iam, name = self.client("iam"), f"{NAME}-{role}"
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy("assume-ec2"))["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName=role, PolicyDocument=policy(role))
        keys = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="i-0123456789abcdef0")["Credentials"]
        expiration = keys["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ")
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        named = {"Code": "Success", "Type": "AWS-HMAC", "Token": keys["SessionToken"], "LastUpdated": now}
        return keys | named | {"Expiration": expiration}
