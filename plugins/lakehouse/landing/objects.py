"""Put objects into the landing area. An object is written once and never changes."""

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


def upload(s3: Any, bucket: str, files: Iterable[tuple[str, Path]]) -> None:
    """Store files under their keys; one that an earlier attempt stored stays as it is."""
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        list(pool.map(lambda file: put_once(s3, bucket, file[0], file[1].read_bytes()), files))
