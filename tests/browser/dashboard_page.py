"""What must hold for the dashboard at any URL, made by hand or really published."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from playwright.sync_api import Browser, Page

CHARTS = ("categories", "histogram", "by-year", "top-movies")
WIDTHS = (320, 360, 820, 1400, 1600)

# How much of a canvas is painted, in percent, and how many colours are painted with.
PIXELS = """canvas => {
    const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Map();
    for (let at = 0; at < data.length; at += 4) {
        if (data[at + 3] < 200) continue;
        const colour = `${data[at] >> 4} ${data[at + 1] >> 4} ${data[at + 2] >> 4}`;
        colours.set(colour, (colours.get(colour) ?? 0) + 1);
    }
    const counts = [...colours.values()];
    const share = counts.reduce((sum, count) => sum + count, 0) / (width * height);
    return { painted: 100 * share, colours: counts.filter((count) => count > 10).length };
}"""


@contextmanager
def opened(
    browser: Browser, url: str, width: int = 1400, scheme: Literal["light", "dark"] = "light"
) -> Iterator[tuple[Page, dict[str, list[Any]]]]:
    """A page without animations, and what it asks for: ``requests``, ``console`` messages, ``errors``, ``dialogs``."""
    seen: dict[str, list[Any]] = {"requests": [], "console": [], "errors": [], "dialogs": []}
    page = browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce", locale="en-US"
    )
    page.on("request", lambda request: seen["requests"].append(request.url))
    page.on("console", lambda message: seen["console"].append(message.text))
    page.on("pageerror", lambda error: seen["errors"].append(str(error)))

    def dismiss(dialog: Any) -> None:
        seen["dialogs"].append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    try:
        page.goto(url, wait_until="networkidle")
        yield page, seen
    finally:
        page.close()


def assert_dashboard(browser: Browser, url: str, charts: Sequence[str] = CHARTS) -> None:
    """Assert that the page at a URL draws its charts on every screen, in both colour schemes, and only itself."""
    for scheme in ("light", "dark"):
        for width in WIDTHS:
            with opened(browser, url, width, scheme) as (page, seen):
                where = f"{scheme}, {width} pixels"
                assert [chart.get_attribute("id") for chart in page.query_selector_all("canvas")] == [*charts], where
                for chart in charts:
                    drawn = page.eval_on_selector(f"canvas#{chart}", PIXELS)
                    assert drawn["painted"] > 1, f"{chart} is blank: {where}"
                    assert drawn["colours"] >= 2, f"{chart} has one colour: {where}"
                page.evaluate("document.querySelectorAll('details').forEach((details) => details.open = true)")
                overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                assert overflow == 0, f"the page scrolls sideways: {where}"
                assert is_dark(page) == (scheme == "dark"), where
                assert [address for address in seen["requests"] if not address.startswith("data:")] == [url], where
                assert seen["console"] == seen["errors"] == seen["dialogs"] == [], where


def is_dark(page: Page) -> bool:
    background: list[int] = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    return sum(background[:3]) < 3 * 128
