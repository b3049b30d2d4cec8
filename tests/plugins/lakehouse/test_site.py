"""Uploading to the site: one PUT a file, with the headers that browsers need."""

import sys
from types import SimpleNamespace

import httpx
import pytest

from lakehouse import site
from lakehouse.site import ASK_AGAIN, SiteFile, upload

FILE = SiteFile("index.html", b"<p>", "text/html; charset=utf-8", ASK_AGAIN)


@pytest.fixture
def puts(monkeypatch):
    """The PUT requests that ``upload`` sends to S3, without an S3 and without importing Airflow."""
    sent = []
    s3 = SimpleNamespace(put_object=lambda **request: sent.append(request))
    hook = SimpleNamespace(S3Hook=lambda connection: SimpleNamespace(get_conn=lambda: {"aws_default": s3}[connection]))
    monkeypatch.setitem(sys.modules, "airflow.providers.amazon.aws.hooks.s3", hook)
    return sent


def set_to(monkeypatch, **settings):
    monkeypatch.setattr(site, "setting", lambda name, default=None: settings.get(name, default))


def test_a_file_is_put_with_its_headers_and_no_acl(puts, monkeypatch):
    set_to(monkeypatch)

    assert upload([FILE]) == ["index.html"]
    assert puts == [
        {
            "Bucket": "site",
            "Key": "index.html",
            "Body": b"<p>",
            "ContentType": "text/html; charset=utf-8",
            "CacheControl": "no-cache",
        }
    ]


def test_files_are_public_only_if_the_settings_say_so(puts, monkeypatch):
    set_to(monkeypatch, site_bucket="other", site_acl="public-read")

    upload([FILE, FILE])

    assert [(put["Bucket"], put["ACL"]) for put in puts] == [("other", "public-read")] * 2


@pytest.mark.integration
def test_anyone_gets_the_bytes_and_the_headers(stack):
    """On a real S3, with the connection and the settings of the stack."""
    upload([SiteFile("probe/a b.html", "é".encode(), "text/html; charset=utf-8", ASK_AGAIN)])

    answer = httpx.get(f"{stack.s3_url}/site/probe/a%20b.html")
    assert answer.content == "é".encode()
    assert answer.headers["Content-Type"].replace(" ", "") == "text/html;charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
