"""Write the README's section *What the data shows* from a release: ``make insights``, with RELEASE from another one.

Every number is computed; the sentences that they stand in are chosen here. The same rows give the same text.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from notebooks.findings import frame, power_law, ratings_by_month, share_between, share_of_most_rated, top_row

if TYPE_CHECKING:
    from lakehouse.serving import Release

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- Written by `make insights` -->\n", "<!-- end of what `make insights` writes -->\n"


def insights(release: Release) -> str:
    """The lines between the two comments."""
    figures = release.key_figures()
    about = (
        f"`{release.dataset}`{', generated data and not that of MovieLens' if release.synthetic else ''}:"
        f" {figures.rating_count:,} ratings of {figures.movie_count:,} movies by {figures.user_count:,} users,"
        f" {figures.first_month:%B %Y} to {figures.last_month:%B %Y}. `make notebook` draws it."
    )
    return "\n".join([about, "", *(f"- {finding}" for finding in findings(release)), ""])


def findings(release: Release) -> list[str]:
    """What a reader should know of the data, a sentence or two each, in Markdown."""
    histogram, movies = frame(release, "gold.rating_histogram"), frame(release, "gold.movie_analytics")
    counts = movies.loc[movies["rating_count"] > 0, "rating_count"]
    one_percent, ten_percent = (f"{share_of_most_rated(counts, share):.0%}" for share in (0.01, 0.1))
    law = power_law(counts)
    year = top_row(frame(release, "gold.movies_by_year"), "movie_count")
    genres = frame(release, "gold.genre_stats").sort_values("rating_count", ascending=False)
    first, second = genres.head(2).to_dict("records")
    liked = top_row(genres, "rating_avg")
    top = frame(release, "gold.top_movies")
    fewest, best = top["rating_count"].min(), top.to_dict("records")[0]
    by_month = ratings_by_month(frame(release, "gold.monthly_movie_ratings"))
    return [
        f"**Ratings cluster**: {share_between(histogram, 3, 4):.0%} are between 3 and 4 stars, and"
        f" {top_row(histogram, 'rating_count')['rating']} is the most common.",
        f"**Ratings pile up on few movies**: the most rated 1% have {one_percent} of all, the most rated 10%"
        f" {ten_percent}, and half of the rated movies have {counts.median():,.0f} or fewer. The number of movies goes"
        f" with their ratings to the power {law.exponent:.1f} (R² {law.r_squared:.2f}).",
        f"**Years**: no year has more movies than {year['release_year']}, which has {year['movie_count']:,}.",
        f"**Genres**: {escaped(first['genre'])} and {escaped(second['genre'])} get the most ratings,"
        f" {first['rating_count']:,} and {second['rating_count']:,}; {escaped(liked['genre'])} is liked best,"
        f" {liked['rating_avg']:.2f} stars.",
        f"**Best movie** of the {len(top):,} with at least {fewest:,} ratings: {escaped(best['title'])},"
        f" {best['rating_avg']:.2f} stars from {best['rating_count']:,}.",
        f"**Months**: the busiest, {by_month.idxmax():%B %Y}, has {by_month.max():,} ratings, the median month"
        f" {by_month.median():,.0f}.",
    ]


def escaped(text: str) -> str:
    """Text as Markdown shows it unchanged."""
    return re.sub(r"([\\`*_\[\]<>|~$&#])", r"\\\1", text)


def with_insights(readme: str, text: str) -> str:
    """A README with this text between the two comments.

    Raises:
        ValueError: the comments are not there.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"README.md has no {BEGIN.strip()} followed by {END.strip()}: put them back")
    return f"{before}{begin}\n{text}\n{end}{after}"


def main() -> int:
    from infra.local.config import Stack

    os.environ["PYICEBERG_HOME"] = str(Stack.from_environment().state)  # before pyiceberg is imported
    from lakehouse.serving import load_release, newest_release

    chosen = os.environ.get("RELEASE")
    release = load_release(chosen) if chosen else newest_release()
    README.write_text(with_insights(README.read_text(), insights(release)))
    print(f"README.md: what release {release.release_id} of {release.dataset} shows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
