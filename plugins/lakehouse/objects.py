"""The objects of the lake bucket that belong to no table. What is landed is written once and never changes."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

UPLOADS_AT_ONCE = 10  # as many connections as a boto3 client keeps


def put_once(s3: Any, bucket: str, key: str, body: bytes) -> bool:
    """Store an object unless the key is taken; say whether it was stored."""
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 412:
            return False
        raise
    return True


def get(s3: Any, bucket: str, key: str) -> bytes | None:
    """The bytes of an object, None if there is none."""
    try:
        body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    return body


def below(s3: Any, bucket: str, prefix: str) -> list[dict[str, Any]]:
    """All objects whose keys begin with a prefix, as S3 lists them: Key, Size, LastModified."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [each for page in pages for each in page.get("Contents", [])]


def delete(s3: Any, bucket: str, keys: list[str]) -> None:
    """Delete objects, as many at once as S3 takes; one that is not there is no error."""
    for begin in range(0, len(keys), 1000):
        chunk = [{"Key": key} for key in keys[begin : begin + 1000]]
        s3.delete_objects(Bucket=bucket, Delete={"Objects": chunk, "Quiet": True})


def upload(s3: Any, bucket: str, files: Iterable[tuple[str, Path]]) -> None:
    """Store files under their keys; one that an earlier attempt stored stays as it is."""
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        list(pool.map(lambda file: put_once(s3, bucket, file[0], file[1].read_bytes()), files))
