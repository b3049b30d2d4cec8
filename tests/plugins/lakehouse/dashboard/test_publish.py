"""Publishing the dashboard: order, headers, and nothing at all when the page cannot be made."""

import sys
import zipfile
from types import SimpleNamespace

import pytest

from lakehouse import dashboard, site
from lakehouse.dashboard import chart_js, page_files, publish
from tests.fixtures.releases import HandMadeRelease, tables

HOME = "META-INF/resources/webjars/chart.js/4.5.1"


@pytest.fixture
def jars(tmp_path):
    """A folder of jars with a WebJar in the shape of Chart.js'."""
    (tmp_path / "page").mkdir()
    with zipfile.ZipFile(tmp_path / "page/chart.js-4.5.1.jar", "w") as jar:
        jar.writestr(f"{HOME}/LICENSE.md", "The MIT License\n")
        jar.writestr(
            f"{HOME}/dist/chart.umd.min.js", "/*! v4.5.1 */\nlet a;\n//# sourceMappingURL=chart.umd.min.js.map\n"
        )
    return tmp_path


@pytest.fixture
def uploaded(monkeypatch, jars):
    """The files that ``publish`` uploads, in order; the release comes from ``uploaded.release``."""
    files = SimpleNamespace(release=HandMadeRelease(), keys=[])
    settings = {"jars": str(jars), "site_url": "http://127.0.0.1:9000/site/"}
    monkeypatch.setattr(dashboard, "setting", settings.__getitem__)
    monkeypatch.setattr(site, "upload", lambda made: files.keys.extend(file.key for file in made) or [])
    serving = SimpleNamespace(load_release=lambda _: files.release, newest_release=lambda: files.release)
    monkeypatch.setitem(sys.modules, "lakehouse.serving", serving)
    return files


def test_index_html_comes_last(uploaded):
    url = publish("20261122T120000Z-5f3a")

    assert uploaded.keys == ["releases/20261122T120000Z-5f3a/index.html", "index.html"]
    assert url == "http://127.0.0.1:9000/site/index.html"


def test_a_page_that_cannot_be_rendered_uploads_nothing(uploaded):
    broken = {"gold.genre_stats": [("Drama", 1, 1, 1, float("nan"))]}
    uploaded.release = HandMadeRelease(arrow=tables(broken))

    with pytest.raises(ValueError, match=r"gold\.genre_stats"):
        publish("20261122T120000Z-5f3a")

    assert uploaded.keys == []


def test_only_the_page_of_a_release_is_cached_for_ever():
    files = page_files(HandMadeRelease(), "let a;")
    (own,), (index,) = files.own, files.stable

    assert (own.cache_control, index.cache_control) == ("public, max-age=31536000, immutable", "no-cache")
    assert own.content_type == index.content_type == "text/html; charset=utf-8"
    assert own.body.startswith(b"<!doctype html>")


def test_chart_js_comes_with_its_licence_and_without_its_source_map(jars):
    assert chart_js(jars) == "/*!\nThe MIT License\n*/\n/*! v4.5.1 */\nlet a;\n"


def test_a_missing_webjar_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"page must hold one chart.js-<version>.jar, found 0"):
        chart_js(tmp_path)
