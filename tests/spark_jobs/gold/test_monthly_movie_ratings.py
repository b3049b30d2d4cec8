"""The histogram of half stars by month and movie."""

from datetime import UTC, datetime
from decimal import Decimal

from spark_jobs.common.lake import Lake
from spark_jobs.gold.monthly_movie_ratings import transform
from tests.fixtures.histograms import half_stars
from tests.fixtures.lake import append, month, new_run, open_empty

MARCH, APRIL = month("2001-03"), month("2001-04")


def test_every_half_star_is_counted_by_month_and_movie(spark):
    all_ten = [half / 2 for half in range(1, 11)]
    given = {(MARCH, 7): [*all_ten, 3.5, 3.5, 5.0], (MARCH, 8): [0.5], (APRIL, 7): [4.0, 4.0]}
    ratings = spark.createDataFrame(
        [(Decimal(stars), *key) for key, ratings in given.items() for stars in ratings],
        "rating decimal(2,1), rated_month date, movie_id bigint",
    )

    counted = transform(ratings)

    assert counted.columns == ["month", "movie_id", *(f"half_star_{half}" for half in range(1, 11))]
    assert {tuple(row[:2]): list(row[2:]) for row in counted.collect()} == {
        key: half_stars(ratings) for key, ratings in given.items()
    }


def test_counting_needs_no_shuffle(spark, lake_tables, capsys):
    run = new_run("2001-03", "2001-04")
    rating = {"movie_id": 7, "rating": Decimal("3.5"), "rated_at": datetime(2001, 3, 2, tzinfo=UTC)}
    rows = [rating | {"user_id": user, "rated_month": month} for user, month in ((1, MARCH), (2, APRIL), (3, MARCH))]
    open_empty(lake_tables, "silver.ratings", run.branch, rows[:1])
    append(lake_tables.load_table("silver.ratings"), rows[1:], run.branch)

    transform(Lake(spark, lake_tables, run).read("silver.ratings")).explain()

    assert "hashpartitioning" not in capsys.readouterr().out
