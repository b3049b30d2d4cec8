"""Put files on the static site: the bucket that the dashboard page and the exports are read from."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.defaults import setting

if TYPE_CHECKING:
    from lakehouse.serving import Release

FOR_EVER = "public, max-age=31536000, immutable"  # under releases/<release_id>/: a release never changes
ASK_AGAIN = "no-cache"  # at stable addresses: a copy may be kept, but is checked before every use


@dataclass(frozen=True)
class SiteFile:
    """A file of the site: its key in the bucket, its bytes and the headers that it is served with."""

    key: str
    body: bytes
    content_type: str
    cache_control: str


@dataclass(frozen=True)
class ReleaseFiles:
    """The files of a release: in its own folder, where they never change, and at the stable addresses."""

    own: list[SiteFile]
    stable: list[SiteFile]


def publish(release_id: str, files_of: "Callable[[Release], ReleaseFiles]") -> list[str]:
    """Put the files of a release on the site and return their keys, its own folder first.

    The stable addresses always show the newest release: runs may end in another order than they were released in, and
    a task of an old run may be cleared. Whoever has uploaded looks again, so the last one to do so leaves the newest.
    """
    from lakehouse.serving import load_release, newest_release

    release = load_release(release_id)
    files = files_of(release)
    keys = upload(files.own)
    newest = newest_release()
    while True:
        keys += upload(files.stable if newest.release_id == release_id else files_of(newest).stable)
        shown, newest = newest, newest_release()
        if newest.release_id == shown.release_id:
            return keys


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
