"""Make the buckets, and say who may do what in them: ``python -m infra.compose.buckets``, as root of the S3 server.

The same promises as on AWS: the site is read by all and written by Airflow only, Spark writes tables and nothing else,
and nobody deletes what was landed or published.
"""

from __future__ import annotations

import json
import os
from typing import Any

import boto3

EVERYBODY = "*"
READ, WRITE, LIST = ["s3:GetObject"], ["s3:PutObject", "s3:AbortMultipartUpload"], ["s3:ListBucket"]
DELETE = ["s3:DeleteObject"]
ALLOWED: dict[str, list[tuple[str, list[str], str]]] = {
    "lake": [
        ("airflow", LIST, ""),
        ("spark", LIST, ""),
        ("airflow", READ + WRITE + DELETE, "/landing/*"),
        ("airflow", READ + WRITE + DELETE, "/quality/*"),
        ("airflow", READ + WRITE, "/logs/*"),
        ("airflow", READ + WRITE + DELETE, "/warehouse/*"),
        ("spark", READ + DELETE, "/landing/*"),
        ("spark", READ + WRITE + DELETE, "/warehouse/*"),
    ],
    "site": [("airflow", WRITE, "/*"), (EVERYBODY, READ, "/*")],
}
"""By bucket: who, what, and below which keys."""
WEBSITE = {"IndexDocument": {"Suffix": "index.html"}}


def policy(bucket: str) -> str:
    statements = [
        {
            "Effect": "Allow",
            "Principal": EVERYBODY if who == EVERYBODY else {"AWS": [who]},
            "Action": actions,
            "Resource": f"arn:aws:s3:::{bucket}{keys}",
        }
        for who, actions, keys in ALLOWED[bucket]
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def make_buckets(s3: Any) -> None:
    there = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    for bucket in ALLOWED:
        if bucket not in there:
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket))
    s3.put_bucket_website(Bucket="site", WebsiteConfiguration=WEBSITE)


if __name__ == "__main__":
    make_buckets(
        boto3.client(
            "s3",
            endpoint_url="http://s3:9000",
            region_name="us-east-1",
            aws_access_key_id=os.environ["ROOT_ACCESS_KEY"],
            aws_secret_access_key=os.environ["ROOT_SECRET_KEY"],
        )
    )
