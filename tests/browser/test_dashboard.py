"""The dashboard in a real browser."""

from pathlib import Path

import pytest
from playwright.sync_api import TimeoutError

from lakehouse.dashboard import chart_js, render
from tests.browser.dashboard_page import CHARTS, assert_dashboard, opened
from tests.fixtures.releases import HOSTILE, LONG, NO_FIGURES, HandMadeRelease, tables

pytestmark = pytest.mark.browser


@pytest.fixture
def published(site, jars):
    """A function that puts the page of a release on a site and returns its URL."""
    folder, url = site

    def put(release: HandMadeRelease) -> str:
        Path(folder / "index.html").write_text(render(release, chart_js(jars)))
        return f"{url}/index.html"

    return put


def test_the_page_draws_its_charts_everywhere(browser, published):
    assert_dashboard(browser, published(HandMadeRelease()))


def test_a_page_without_ratings_is_whole(browser, published):
    url = published(HandMadeRelease(arrow=tables({}), figures=NO_FIGURES))

    assert_dashboard(browser, url, charts=[])

    with opened(browser, url) as (page, _):
        assert page.locator("figure").get_by_text("No ratings", exact=True).count() == 4


def test_a_hostile_title_is_shown_and_not_run(browser, published):
    with opened(browser, published(HandMadeRelease())) as (page, seen):
        page.locator(".top-movies summary").click()

        assert page.get_by_role("rowheader", name=HOSTILE, exact=True).is_visible()
        assert page.get_by_role("rowheader", name=LONG.strip(), exact=True).is_visible()
        assert page.locator("img").count() == 0
        assert seen["dialogs"] == []


def test_the_policy_of_the_page_stops_a_script_that_came_in(browser, published):
    with opened(browser, published(HandMadeRelease())) as (page, seen):
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = true\">')")
        page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'ran = true'}))")

        assert page.evaluate("window.ran") is None
        assert len([message for message in seen["console"] if "Content Security Policy" in message]) >= 2


def test_charts_follow_the_colour_scheme_and_print_on_white(browser, published):
    url = published(HandMadeRelease())
    with opened(browser, url) as (page, _):
        pictures = {chart: picture(page, chart) for chart in CHARTS}
        page.emulate_media(color_scheme="dark")
        for chart, light in pictures.items():
            assert becomes(page, chart, "!==", light)

        page.emulate_media(media="print")
        del pictures["categories"]  # its gaps have the colour of the card, which is pure white in print
        for chart, light in pictures.items():
            assert becomes(page, chart, "===", light)


@pytest.mark.parametrize(
    ("chart", "words"),
    [
        ("categories", "High 1,200 movies"),
        ("histogram", "3.0 stars 600 ratings"),
        ("by-year", "1972 Average rating: 3.90 Movies: 1,000"),
        ("top-movies", f"{' '.join(HOSTILE.split())} 4.43 from 1,317 ratings"),
    ],
)
def test_pointing_at_a_chart_shows_its_numbers(browser, published, chart, words):
    with opened(browser, published(HandMadeRelease())) as (page, seen):
        canvas = page.locator(f"canvas#{chart}")
        plain = picture(page, chart)
        canvas.hover(position={"x": 0.52 * canvas.bounding_box()["width"], "y": 20})

        assert becomes(page, chart, "!==", plain)
        title, body = page.evaluate(
            "(id) => [Chart.getChart(id).tooltip.title, Chart.getChart(id).tooltip.body]", chart
        )
        assert " ".join([*title, *(line.strip() for entry in body for line in entry["lines"])]) == words
        assert max(map(len, title), default=0) <= 40  # tooltips do not wrap by themselves
        assert seen["errors"] == []


def test_the_keyboard_reaches_the_charts_and_their_tables(browser, published):
    with opened(browser, published(HandMadeRelease())) as (page, _):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the charts"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "charts"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
        page.keyboard.press("Enter")

        assert page.get_by_role("table", name="Movies by their average rating.").is_visible()
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def picture(page, chart):
    return page.eval_on_selector(f"canvas#{chart}", "canvas => canvas.toDataURL()")


def becomes(page, chart, comparison, other):
    """Whether a chart soon looks like another picture (``===``), or unlike it (``!==``)."""
    same = f"([id, other]) => document.getElementById(id).toDataURL() {comparison} other"
    try:
        page.wait_for_function(same, arg=[chart, other], timeout=5000)
    except TimeoutError:
        return False
    return True
