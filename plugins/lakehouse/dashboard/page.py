"""Render the dashboard page: one HTML file that needs nothing else, not even a network."""

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lakehouse.dashboard import figures
from lakehouse.exports import FORMATS, KEYS

if TYPE_CHECKING:
    from lakehouse.serving import KeyFigures, Release

HERE = Path(__file__).parent
KINDS = {
    "load": "Load of a dataset",
    "replay": "Replay of quarantined rows",
    "stream": "Live stream",
    "rollback": "Rollback",
}


@dataclass(frozen=True)
class Inline:
    """The text of a script or style element, and the hash by which the page's own policy lets it run."""

    text: str

    def __post_init__(self) -> None:
        if re.search(r"</(script|style)|<!--|\r", self.text, re.IGNORECASE):
            raise ValueError("Text that would end or change its own HTML element cannot be inlined")

    @property
    def source(self) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(self.text.encode()).digest()).decode()}'"

    def __html__(self) -> str:
        return self.text


def render(release: "Release", chart_js: str, base: str = "") -> str:
    """Return the page of a release as HTML.

    Args:
        chart_js: the code of Chart.js, inlined.
        base: where the release's folder lies seen from the page: empty in the folder, else ``releases/<id>/``.

    Raises:
        ValueError: a table holds a number that is not finite.
    """
    histogram = figures.read(release, "rating_histogram", "rating")
    total = sum(row["rating_count"] for row in histogram)
    charts = [
        figures.categories(figures.read(release, "rating_distribution", "rating_category")),
        figures.histogram(histogram),
        figures.by_year(figures.read(release, "movies_by_year", "release_year")),
        figures.top_movies(figures.read(release, "top_movies", "rank"), has_ratings=total > 0),
    ]
    key = release.key_figures()
    average = float(sum(row["rating"] * row["rating_count"] for row in histogram)) / total if total else None
    name, _, version = release.dataset.partition("@")
    template = environment().get_template("template.html.j2")
    return template.render(
        release=release,
        name=name,
        version=version,
        kind=KINDS.get(release.kind, release.kind),
        created_at=moment(release.created_at),
        tiles=tiles(key, average),
        months=months(key),
        last_rated_at=moment(key.last_rated_at),
        figures=charts,
        series={figure.id: figure.series for figure in charts if not figure.empty},
        genres=genres(release),
        exports={name: list(FORMATS) for name in KEYS},
        base=quote(base),
        style=Inline((HERE / "style.css").read_text()),
        scripts=[Inline(chart_js), Inline((HERE / "charts.js").read_text())],
    )


def environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    env.filters |= {"whole": figures.whole, "stars": figures.stars}
    return env


def tiles(key: "KeyFigures", average: float | None) -> list[tuple[str, str]]:
    return [
        ("Ratings", figures.whole(key.rating_count)),
        ("People", figures.whole(key.user_count)),
        ("Movies", figures.whole(key.movie_count)),
        ("Average rating", figures.stars(average)),
    ]


def genres(release: "Release") -> list[dict[str, Any]]:
    """Genres by their number of ratings; ``share`` is in percent of the most rated genre's."""
    rows = sorted(figures.read(release, "genre_stats", "genre"), key=lambda row: -row["rating_count"])
    most = max((row["rating_count"] for row in rows), default=0)
    return [row | {"share": round(100 * row["rating_count"] / most, 1) if most else 0} for row in rows]


def months(key: "KeyFigures") -> str:
    """The range of the data, ``March 1996 to September 2018``."""
    if key.first_month is None or key.last_month is None:
        return "No ratings yet"
    first, last = (f"{month:%B} {month.year}" for month in (key.first_month, key.last_month))
    return first if first == last else f"{first} to {last}"


def moment(at: datetime | None) -> str:
    """A time in UTC, ``24 September 2018, 14:27 UTC``."""
    return f"{at.day} {at:%B} {at.year}, {at:%H:%M} UTC" if at else figures.NO_VALUE
