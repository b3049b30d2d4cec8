"""Put files on the static site: the bucket that the dashboard page and the exports are read from."""

from collections.abc import Iterable
from dataclasses import dataclass

from lakehouse.defaults import setting

FOR_EVER = "public, max-age=31536000, immutable"  # under releases/<release_id>/: a release never changes
ASK_AGAIN = "no-cache"  # at stable addresses: a copy may be kept, but is checked before every use


@dataclass(frozen=True)
class SiteFile:
    """A file of the site: its key in the bucket, its bytes and the headers that it is served with."""

    key: str
    body: bytes
    content_type: str
    cache_control: str


def upload(files: Iterable[SiteFile]) -> list[str]:
    """Put the files on the site one after the other and return their keys.

    Each file appears whole or not at all: S3 shows an object only when all of its bytes have arrived.
    Takes the settings ``site_bucket`` and ``site_acl``; without an ACL the bucket's policy decides who may read.
    """
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    s3 = S3Hook("aws_default").get_conn()
    bucket, acl = setting("site_bucket", "site"), setting("site_acl", "")
    keys = []
    for file in files:
        s3.put_object(
            Bucket=bucket,
            Key=file.key,
            Body=file.body,
            ContentType=file.content_type,
            CacheControl=file.cache_control,
            **({"ACL": acl} if acl else {}),
        )
        keys.append(file.key)
    return keys
