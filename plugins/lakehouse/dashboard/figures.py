"""The four charts of the page: what is drawn, and the words and the table that say the same without a picture."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakehouse.serving import Release

CATEGORIES = {"High": "4.0 and above", "Medium": "3.0 up to 4.0", "Low": "below 3.0", "Unrated": "no ratings"}
HALF_STARS = [half / 2 for half in range(1, 11)]
TOP = 15
NO_VALUE = "\N{EN DASH}"

Row = dict[str, Any]


@dataclass(frozen=True)
class Key:
    """A line of a chart's legend: the colour's name in ``style.css``, its label and a remark."""

    colour: str
    label: str
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """A chart: ``series`` is for ``charts.js``, everything else is text; ``empty`` stands in for a chart of nothing."""

    id: str
    title: str
    caption: str
    summary: str
    columns: list[str]
    rows: list[list[str]]
    series: dict[str, list[Any]]
    legend: list[Key] = field(default_factory=list)
    empty: str = ""


def read(release: "Release", table: str, key: str) -> list[Row]:
    """The rows of a gold table in the order of a column, nulls last.

    Raises:
        ValueError: a number is not a finite one.
    """
    rows: list[Row] = release.read(f"gold.{table}").sort_by(key).to_pylist()
    for row in rows:
        for column, value in row.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"gold.{table}.{column} is {value} in {row}")
    return rows


def whole(number: int) -> str:
    """``1234`` as ``1,234``."""
    return f"{number:,}"


def stars(average: float | None) -> str:
    """An average rating with two decimals."""
    return NO_VALUE if average is None else f"{average:.2f}"


def percent(part: int, total: int) -> str:
    """A share without decimals; a small one does not look like none."""
    if not total:
        return NO_VALUE
    return "<1%" if 0 < part / total < 0.01 else f"{part / total:.0%}"


def categories(distribution: list[Row]) -> Figure:
    """Movies by rating category, in the order of ``CATEGORIES``."""
    counts = {row["rating_category"]: row for row in distribution}
    movies = [counts.get(name, {}).get("movie_count", 0) for name in CATEGORIES]
    ratings = [counts.get(name, {}).get("rating_count", 0) for name in CATEGORIES]
    shares = [percent(count, sum(movies)) for count in movies]
    return Figure(
        id="categories",
        title="How movies are rated",
        caption="Movies by their average rating.",
        summary=f"Doughnut chart of {whole(sum(movies))} movies: "
        + ", ".join(f"{name} {whole(count)}" for name, count in zip(CATEGORIES, movies, strict=True)),
        columns=["Category", "Average", "Movies", "Share", "Ratings"],
        rows=[
            [name, CATEGORIES[name], whole(count), share, whole(given)]
            for name, count, share, given in zip(CATEGORIES, movies, shares, ratings, strict=True)
        ],
        series={"labels": list(CATEGORIES), "movies": movies},
        legend=[
            Key(name.lower(), f"{name} {share}", f"{whole(count)} movies, {CATEGORIES[name]}")
            for name, count, share in zip(CATEGORIES, movies, shares, strict=True)
        ],
        empty="" if sum(ratings) else "No ratings",
    )


def histogram(rows: list[Row]) -> Figure:
    """Ratings by half star; every half star has its place, given or not."""
    counts = {float(row["rating"]): row["rating_count"] for row in rows}
    ratings = [counts.get(half, 0) for half in HALF_STARS]
    total = sum(ratings)
    return Figure(
        id="histogram",
        title="The stars people give",
        caption="Ratings by number of stars, in steps of a half.",
        summary=f"Bar chart of {whole(total)} ratings: "
        + ", ".join(f"{half} stars {whole(count)}" for half, count in zip(HALF_STARS, ratings, strict=True)),
        columns=["Stars", "Ratings", "Share"],
        rows=[
            [f"{half}", whole(count), percent(count, total)] for half, count in zip(HALF_STARS, ratings, strict=True)
        ],
        series={"stars": HALF_STARS, "ratings": ratings},
        empty="" if total else "No ratings",
    )


def by_year(rows: list[Row]) -> Figure:
    """Movies and their average rating by release year."""
    busiest = max(rows, key=lambda row: row["movie_count"], default=None)
    span = f"{rows[0]['release_year']} to {rows[-1]['release_year']}" if rows else ""
    most = f"; most movies, {whole(busiest['movie_count'])}, in {busiest['release_year']}" if busiest else ""
    return Figure(
        id="by-year",
        title="Movies through the years",
        caption="Movies by year of release, and the average of all their ratings: dotted where a year has few.",
        summary=f"Bars for movies and a line for their average rating by year of release, {span}{most}",
        columns=["Released", "Movies", "With ratings", "Ratings", "Average rating"],
        rows=[
            [
                str(row["release_year"]),
                whole(row["movie_count"]),
                whole(row["rated_movie_count"]),
                whole(row["rating_count"]),
                stars(row["rating_avg"]),
            ]
            for row in rows
        ],
        series={
            "years": [row["release_year"] for row in rows],
            "movies": [row["movie_count"] for row in rows],
            "ratings": [row["rating_count"] for row in rows],
            "averages": [row["rating_avg"] for row in rows],
        },
        legend=[Key("movies", "Movies", "left axis"), Key("average", "Average rating", "right axis")],
        empty="" if any(row["rating_count"] for row in rows) else "No ratings",
    )


def top_movies(rows: list[Row], has_ratings: bool) -> Figure:
    """The first movies of ``gold.top_movies``."""
    best = rows[:TOP]
    return Figure(
        id="top-movies",
        title="Best-loved movies",
        caption="Highest average rating among movies with enough ratings (50, unless set otherwise).",
        summary=f"Bar chart of the {len(best)} movies with the highest average rating: "
        + ", ".join(f"{row['title']} {stars(row['rating_avg'])}" for row in best),
        columns=["Movie", "Ratings", "Average rating"],
        rows=[[row["title"], whole(row["rating_count"]), stars(row["rating_avg"])] for row in best],
        series={
            "titles": [row["title"] for row in best],
            "ratings": [row["rating_count"] for row in best],
            "averages": [row["rating_avg"] for row in best],
        },
        empty="" if best else "No movie has enough ratings yet" if has_ratings else "No ratings",
    )
