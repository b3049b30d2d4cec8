"""Uploading to the site: one PUT a file, with the headers that browsers need."""

import sys
from types import SimpleNamespace

import httpx
import pytest

from lakehouse import site
from lakehouse.site import ASK_AGAIN, ReleaseFiles, SiteFile, upload

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


def files_of(release):
    own = SiteFile(f"releases/{release.release_id}/index.html", b"", "text/html", ASK_AGAIN)
    return ReleaseFiles([own], [SiteFile("index.html", release.release_id.encode(), "text/html", ASK_AGAIN)])


@pytest.fixture
def publish(puts, monkeypatch):
    """A function that publishes a release and returns what was uploaded; ``newest`` are the newest as time goes."""

    def publish(release_id, newest):
        set_to(monkeypatch)
        seen = iter(newest)
        serving = SimpleNamespace(
            load_release=lambda release_id: SimpleNamespace(release_id=release_id),
            newest_release=lambda: SimpleNamespace(release_id=next(seen)),
        )
        monkeypatch.setitem(sys.modules, "lakehouse.serving", serving)
        keys = site.publish(release_id, files_of)
        assert keys == [put["Key"] for put in puts]
        return [(put["Key"], put["Body"]) for put in puts]

    return publish


def test_the_folder_of_a_release_comes_before_the_stable_addresses(publish):
    assert publish("new", ["new", "new"]) == [("releases/new/index.html", b""), ("index.html", b"new")]


def test_an_older_release_does_not_turn_the_stable_addresses_back(publish):
    assert publish("old", ["new", "new"]) == [("releases/old/index.html", b""), ("index.html", b"new")]


def test_a_release_that_came_meanwhile_is_left_at_the_stable_addresses(publish):
    assert publish("old", ["old", "new", "new"])[1:] == [("index.html", b"old"), ("index.html", b"new")]


@pytest.mark.integration
def test_anyone_gets_the_bytes_and_the_headers(stack):
    """On a real S3, with the connection and the settings of the stack."""
    upload([SiteFile("probe/a b.html", "é".encode(), "text/html; charset=utf-8", ASK_AGAIN)])

    answer = httpx.get(f"{stack.s3_url}/site/probe/a%20b.html")
    assert answer.content == "é".encode()
    assert answer.headers["Content-Type"].replace(" ", "") == "text/html;charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
