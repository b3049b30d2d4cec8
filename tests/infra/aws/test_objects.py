"""S3 by its own address: landing's conditional writes, the site, the exports."""

import httpx
import pytest

from tests.infra.aws.account import LAKE, SITE

pytestmark = pytest.mark.integration


def anonymous(account, bucket, key=""):
    return httpx.get(f"{account.url}/{bucket}/{key}", trust_env=False)


def put_twice() -> tuple[bool, bool, bytes | None, bytes | None]:
    from lakehouse.landing import s3_client
    from lakehouse.objects import get, put_once

    s3, key = s3_client(), "landing/once.json"
    first, second = (put_once(s3, LAKE, key, body) for body in (b"first", b"second"))
    return first, second, get(s3, LAKE, key), get(s3, LAKE, "landing/never.json")


def test_an_object_is_landed_once(on_airflow_host):
    assert on_airflow_host(put_twice) == (True, False, b"first", None)


def page_uploaded() -> list[str]:
    from lakehouse.site import ASK_AGAIN, SiteFile, upload

    return upload([SiteFile("index.html", "é".encode(), "text/html; charset=utf-8", ASK_AGAIN)])


def test_the_page_has_its_headers_no_acl_and_is_read_by_anybody(on_airflow_host, account):
    assert on_airflow_host(page_uploaded) == ["index.html"]

    answer = anonymous(account, SITE, "index.html")
    assert (answer.status_code, answer.content) == (200, "é".encode())
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    grants = account.s3.get_object_acl(Bucket=SITE, Key="index.html")["Grants"]
    assert [grant["Grantee"]["Type"] for grant in grants] == ["CanonicalUser"]


def test_a_stranger_reads_nothing_of_the_lake(account):
    account.s3.put_object(Bucket=LAKE, Key="landing/private", Body=b"private")

    assert anonymous(account, LAKE, "landing/private").status_code == 403
    assert anonymous(account, LAKE).status_code == 403


def exported() -> list[str]:
    from datetime import UTC, datetime

    from lakehouse.branches import give_first_snapshot
    from lakehouse.contracts import follow_contracts
    from lakehouse.exports import KEYS, export_files
    from lakehouse.serving import Release
    from lakehouse.site import upload
    from tests.infra.aws.test_catalog import catalog, spark

    tables = follow_contracts(spark(), catalog(), [f"gold.{name}" for name in KEYS])
    for table in tables:
        give_first_snapshot(table)
    snapshots = {".".join(table.name()): table.refresh().current_snapshot().snapshot_id for table in tables}
    release = Release("r1", "run", datetime.now(UTC), "tiny@1", "1.0.0", "load", None, snapshots, "passed", catalog())
    return upload(export_files(release).own)


def test_exports_are_served_with_their_types_for_ever(on_airflow_host, account):
    keys = on_airflow_host(exported)

    answers = {key: anonymous(account, SITE, key) for key in keys}
    assert len(keys) == 12
    assert {answer.status_code for answer in answers.values()} == {200}
    types = {key.rsplit(".", 1)[1]: answer.headers["Content-Type"] for key, answer in answers.items()}
    assert types == {
        "csv": "text/csv; charset=utf-8",
        "json": "application/json",
        "parquet": "application/vnd.apache.parquet",
    }
    assert {answer.headers["Cache-Control"] for answer in answers.values()} == {"public, max-age=31536000, immutable"}


def test_the_site_bucket_is_a_website(account):
    assert account.s3.get_bucket_website(Bucket=SITE)["IndexDocument"] == {"Suffix": "index.html"}
