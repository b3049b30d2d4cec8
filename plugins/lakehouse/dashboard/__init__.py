"""The dashboard: one page that shows one release, published to the static site."""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse import site
from lakehouse.dashboard.page import render
from lakehouse.defaults import setting
from lakehouse.site import ASK_AGAIN, FOR_EVER, ReleaseFiles, SiteFile

if TYPE_CHECKING:
    from lakehouse.serving import Release

HTML = "text/html; charset=utf-8"


def publish(release_id: str) -> str:
    """Render the page of a release, put it on the site and return the URL of the newest release's page.

    Nothing is uploaded unless the whole page could be rendered. The release's own page goes first, ``index.html``
    last, so that readers see the previous release until the new one is complete.
    """
    code = chart_js(Path(setting("jars")))
    site.publish(release_id, lambda release: page_files(release, code))
    return f"{setting('site_url').rstrip('/')}/index.html"


def page_files(release: "Release", chart_js: str) -> ReleaseFiles:
    """The two pages of a release; both link to the files of this release only."""
    folder = f"releases/{release.release_id}/"
    own, index = render(release, chart_js), render(release, chart_js, base=folder)
    return ReleaseFiles(
        own=[SiteFile(f"{folder}index.html", own.encode(), HTML, FOR_EVER)],
        stable=[SiteFile("index.html", index.encode(), HTML, ASK_AGAIN)],
    )


def chart_js(jars: Path) -> str:
    """Chart.js with its licence, out of its WebJar in ``<jars>/page``.

    Raises:
        FileNotFoundError: there is not exactly one WebJar of Chart.js in the folder.
    """
    found = sorted((jars / "page").glob("chart.js-*.jar"))
    if len(found) != 1:
        raise FileNotFoundError(f"{jars / 'page'} must hold one chart.js-<version>.jar, found {len(found)}")
    with zipfile.ZipFile(found[0]) as jar:
        version = found[0].stem.removeprefix("chart.js-")
        home = f"META-INF/resources/webjars/chart.js/{version}"
        licence, code = (jar.read(f"{home}/{name}").decode() for name in ("LICENSE.md", "dist/chart.umd.min.js"))
    # A source map is a file beside the script: on the page it would be a request.
    return f"/*!\n{licence}*/\n{code.partition('//# sourceMappingURL=')[0]}"
