"""The dashboard page: what it says, what it escapes, and that it needs nothing but itself."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pyarrow as pa
import pytest

from lakehouse.dashboard.figures import NO_VALUE
from lakehouse.dashboard.page import HERE, Inline, render
from tests.fixtures.releases import HOSTILE, LONG, NO_FIGURES, ROWS, HandMadeRelease, tables

CHART_JS = "/*! Chart.js */ self.Chart = class {};"
CHARTS = ["categories", "histogram", "by-year", "top-movies"]
VOID = {"meta", "link", "img", "rect"}


class Page(HTMLParser):
    """A parsed page: ``elements`` are tag, attributes and own text, in document order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self.open: list[list[str]] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        own: list[str] = []
        self.elements.append((tag, {name: value or "" for name, value in attrs}, own))
        if tag not in VOID:
            self.open.append(own)

    def handle_endtag(self, tag):
        if tag not in VOID:
            self.open.pop()

    def handle_data(self, data):
        if self.open:
            self.open[-1].append(data)
        self.text.append(data)

    def all(self, tag, **attributes):
        return [
            (attrs, "".join(own))
            for name, attrs, own in self.elements
            if name == tag and all(attrs.get(key) == value for key, value in attributes.items())
        ]

    def series(self):
        return json.loads(self.all("script", id="series")[0][1])


def page(release: HandMadeRelease, base: str = "") -> Page:
    return Page(render(release, CHART_JS, base))


def with_rows(**rows) -> HandMadeRelease:
    return HandMadeRelease(arrow=tables(ROWS | {f"gold.{name}": value for name, value in rows.items()}))


def test_each_chart_is_a_captioned_figure_with_a_data_table():
    html = page(HandMadeRelease())

    canvases = html.all("canvas", role="img")
    assert [attrs["id"] for attrs, _ in canvases] == CHARTS
    assert all(len(attrs["aria-label"]) > 30 for attrs, _ in canvases)
    assert len(html.all("figure")) == len(html.all("figcaption")) == 4
    assert len(html.all("details")) == 5  # one a chart, and the snapshots
    assert set(html.series()) == set(CHARTS)


def test_a_hostile_title_stays_text():
    html = page(HandMadeRelease())

    assert html.all("img") == []
    assert len(html.all("script")) == 3
    assert HOSTILE in [text for _, text in html.all("th", scope="row")]
    assert html.series()["top-movies"]["titles"][0] == HOSTILE
    assert HOSTILE in html.all("canvas", id="top-movies")[0][0]["aria-label"]


@pytest.mark.parametrize(
    "field", ["release_id", "run_id", "dataset", "code_version", "kind", "restored_from", "quality_status"]
)
def test_a_hostile_release_stays_text(field):
    html = page(replace(HandMadeRelease(), **{field: HOSTILE}))

    assert html.all("img") == []
    assert HOSTILE in " ".join(html.text)


def test_a_long_title_is_whole_in_the_table():
    assert LONG in [text for _, text in page(HandMadeRelease()).all("th", scope="row")]


def test_the_policy_allows_exactly_the_scripts_and_the_style_of_the_page():
    html = page(HandMadeRelease())
    policy = html.all("meta", **{"http-equiv": "Content-Security-Policy"})[0][0]["content"]
    directives = {words[0]: words[1:] for words in (part.split() for part in policy.split(";"))}

    def sources(texts):
        return [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in texts]

    assert directives["default-src"] == ["'none'"]
    assert directives["script-src"] == sources(text for attrs, text in html.all("script") if not attrs)
    assert directives["style-src"] == sources(text for _, text in html.all("style"))


def test_the_page_loads_nothing():
    html = page(HandMadeRelease())
    links = {attrs["href"] for attrs, _ in html.all("link")}
    style = html.all("style")[0][1]

    assert [attrs for _, attrs, _ in html.elements if {"src", "srcset", "data", "poster", "style"} & attrs.keys()] == []
    assert all(link.startswith("data:") for link in links)
    assert re.findall(r"url\(|@import", style) == []


def test_a_synthetic_sample_is_said_loudly():
    real, synthetic = page(HandMadeRelease()), page(HandMadeRelease(dataset="sample@0123456789ab"))

    assert "Synthetic sample" in synthetic.all("title")[0][1]
    assert "synthetic sample" in synthetic.all("h1")[0][1]
    assert len(synthetic.all("p", **{"class": "banner"})) == 1
    assert "GroupLens" not in " ".join(synthetic.text)
    assert "ynthetic" not in " ".join(real.text).replace(real.all("style")[0][1], "")
    assert "10.1145/2827872" in " ".join(real.text)


def test_without_ratings_charts_say_so():
    html = page(HandMadeRelease(arrow=tables({}), figures=NO_FIGURES))

    assert [text for _, text in html.all("p", **{"class": "empty"})][1:5] == ["No ratings"] * 4
    assert html.all("canvas") == []
    assert html.series() == {}


def test_movies_that_nobody_rated_draw_nothing():
    html = page(
        HandMadeRelease(
            arrow=tables(
                {"gold.rating_distribution": [("Unrated", 7, 0)], "gold.movies_by_year": [(1999, 7, 0, 0, None)]}
            )
        )
    )

    assert html.all("canvas") == []


def test_ratings_that_suffice_for_no_top_movie_are_not_called_none():
    html = page(with_rows(top_movies=[]))

    assert "No movie has enough ratings yet" in [text for _, text in html.all("p", **{"class": "empty"})]
    assert set(html.series()) == set(CHARTS[:3])


def test_a_missing_average_is_null_in_the_chart_and_a_dash_in_the_table():
    html = page(HandMadeRelease())

    by_year = html.series()["by-year"]
    assert (by_year["years"], by_year["averages"]) == ([1931, 1972, 1999], [None, 3.9, 3.6])
    assert [text for _, text in html.all("td")].count(NO_VALUE) == 2  # a year and a genre


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("table", ["movies_by_year", "genre_stats"])
def test_a_number_that_is_none_makes_no_page(table, value):
    row = {"movies_by_year": (1999, 1, 1, 1, value), "genre_stats": ("Drama", 1, 1, 1, value)}[table]

    with pytest.raises(ValueError, match=f"gold.{table}.rating_avg is {value}"):
        page(with_rows(**{table: [row]}))


def test_every_half_star_and_every_category_has_its_place():
    series = page(HandMadeRelease()).series()

    assert series["histogram"]["stars"] == [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]
    assert series["histogram"]["ratings"] == [0, 200, 300, 400, 500, 600, 700, 800, 900, 1000]
    assert series["categories"] == {"labels": ["High", "Medium", "Low", "Unrated"], "movies": [1200, 2400, 300, 18]}


def test_key_figures_are_written_for_people():
    html = page(HandMadeRelease())
    text = " ".join(html.text)

    assert [text for _, text in html.all("dd")][:4] == ["14,900", "610", "3,918", "3.56"]  # 19,250 / 5,400 = 3.5648…
    assert "March 1996 to September 2018" in html.all("title")[0][1]
    assert "24 September 2018, 14:27 UTC" in text
    assert "22 November 2026, 12:03 UTC" in text


def test_downloads_are_those_of_the_release_wherever_the_page_lies():
    release = HandMadeRelease(release_id="a b")
    own, index = ([attrs["href"] for attrs, _ in page(release, base).all("a")] for base in ("", "releases/a b/"))

    assert {"data/top_movies.csv", "index.html"} <= set(own)
    assert [f"releases/a%20b/{link}" for link in own if link.startswith(("data/", "index"))] == [
        link for link in index if link.startswith("releases/")
    ]
    assert len([link for link in own if link.startswith("data/")]) == 12


def test_the_same_release_gives_the_same_page():
    other = {name: table.take(pa.array(range(table.num_rows))[::-1]) for name, table in tables(ROWS).items()}

    assert render(HandMadeRelease(), CHART_JS) == render(HandMadeRelease(arrow=other), CHART_JS)


@pytest.mark.parametrize("text", ["a</script>b", "</STYLE>", "<!-- <script>", "line\r\n"])
def test_text_that_would_leave_its_element_is_refused(text):
    with pytest.raises(ValueError, match="cannot be inlined"):
        Inline(text)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_have_the_contrast_of_wcag_aa(scheme):
    blocks = re.findall(r":root \{(.*?)\}", (HERE / "style.css").read_text(), re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#\w+);", blocks[0] + (blocks[1] if scheme == "dark" else "")))

    for text in ("ink", "muted", "accent"):
        assert min(contrast(colours[text], colours[on]) for on in ("paper", "card")) >= 4.5, text
    assert contrast(colours["on-banner"], colours["banner"]) >= 4.5
    for shape in ("high", "medium", "low", "unrated", "movies", "average", "stars"):
        assert contrast(colours[shape], colours["card"]) >= 3, shape


def contrast(one: str, other: str) -> float:
    """Contrast of two colours after WCAG 2, from 1 to 21."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
        channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
        return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)
