"""The README's insights on a release made by hand; tests/integration/test_notebook.py compares them with a real one."""

from dataclasses import replace
from datetime import date

import pyarrow as pa
import pytest

from docs.insights import BEGIN, END, README, escaped, insights, with_insights
from tests.fixtures.releases import ROWS, HandMadeRelease, tables

COUNTS = [0, 100, 20, 10, 5, 5, 1, 1, 1]


@pytest.fixture
def release() -> HandMadeRelease:
    half_stars = {f"half_star_{half}": [0, half] for half in range(1, 11)}
    return HandMadeRelease(
        arrow=tables(ROWS)
        | {
            "gold.movie_analytics": pa.table({"movie_id": range(len(COUNTS)), "rating_count": COUNTS}),
            "gold.monthly_movie_ratings": pa.table(
                {"month": [date(2001, 2, 1), date(2001, 3, 1)], "movie_id": [7, 7], **half_stars}
            ),
        }
    )


def test_every_number_is_that_of_the_release(release):
    text = insights(release)

    assert text.startswith("`ml-latest-small@0123456789ab`: 14,900 ratings of 3,918 movies by 610 users, March 1996 to")
    for finding in (
        "39% are between 3 and 4 stars, and 5.0 is the most common",
        "the most rated 1% have 70% of all, the most rated 10% 70%, and half of the rated movies have 5 or fewer",
        "no year has more movies than 1999, which has 1,500",
        r"Sci-Fi \& \<Fantasy\> and Comedy get the most ratings, 8,000 and 4,000",
        "of the 3 with at least 64 ratings: "
        + escaped("</script><img src=x onerror=alert(1)> \"Title\" & 'Co' (1999)"),
        "the busiest, March 2001, has 55 ratings, the median month 28",
    ):
        assert finding in text


def test_generated_data_is_called_so(release):
    assert "generated data" in insights(replace(release, dataset="sample@0123456789ab"))
    assert "generated data" not in insights(release)


def test_titles_are_no_markdown():
    assert escaped("<b>*M*A*S*H* [a](b) $9.99") == r"\<b\>\*M\*A\*S\*H\* \[a\](b) \$9.99"


def test_only_what_stands_between_the_comments_is_replaced():
    readme = f"before\n{BEGIN}old\n{END}after\n"

    once = with_insights(readme, "new\n")

    assert once == f"before\n{BEGIN}\nnew\n\n{END}after\n"
    assert with_insights(once, "new\n") == once
    with pytest.raises(ValueError, match="put them back"):
        with_insights("no comments", "new\n")
    assert BEGIN in README.read_text()
