"""The figures of gold and their definitions, here and nowhere else.

Everything is counted from histograms of half stars: ``half_star_k`` says how many ratings equal k/2. These counts are
whole numbers that merge in any order, so a figure is the same, to the last bit, however its months were loaded.
"""

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

HALF_STARS = range(1, 11)


def _sum_over_half_stars(power: int) -> Column:
    terms: list[Column] = [F.sum(f"half_star_{half}") * half**power for half in HALF_STARS]
    return reduce(Column.__add__, terms)


def totals_by_movie(monthly: DataFrame) -> DataFrame:
    """Add the months up: movie_id, rating_count, half_stars (sum of k) and half_star_squares (sum of k squared)."""
    names = ["rating_count", "half_stars", "half_star_squares"]
    return monthly.groupBy("movie_id").agg(
        *[_sum_over_half_stars(power).alias(name) for power, name in enumerate(names)]
    )


def with_totals(movies: DataFrame, monthly: DataFrame) -> DataFrame:
    """All movies with their totals: 0 where a movie has no ratings. Computed once for all jobs of a layer."""
    totals = totals_by_movie(monthly)
    figures = [name for name in totals.columns if name != "movie_id"]
    return movies.join(totals, "movie_id", how="left").fillna(0, subset=figures).cache()


def average(half_stars: Column, rating_count: Column) -> Column:
    """The mean rating in stars: sum of half stars / 2 / count; null without ratings."""
    return F.when(rating_count > 0, half_stars.cast("double") / 2 / rating_count)


def sample_deviation(squares: Column, half_stars: Column, rating_count: Column) -> Column:
    """The sample standard deviation in stars; null with fewer than two ratings. One rounding, at the division."""
    spread = (rating_count * squares - half_stars * half_stars).cast("double")
    return F.when(rating_count > 1, F.sqrt(spread / (4 * rating_count * (rating_count - 1))))


def category(rating_avg: Column) -> Column:
    """High from 4.0, Medium from 3.0, Low below that, Unrated without ratings."""
    rated = F.when(rating_avg >= 4, "High").when(rating_avg >= 3, "Medium").otherwise("Low")
    return F.when(rating_avg.isNull(), "Unrated").otherwise(rated)


CATEGORIES = ["High", "Medium", "Low", "Unrated"]


def summary_of_movies() -> list[Column]:
    """What gold says of a group of movies with totals: movie_count, rated_movie_count, rating_count, rating_avg."""
    rating_count = F.sum("rating_count")
    return [
        F.count("movie_id").alias("movie_count"),
        F.count_if(F.col("rating_count") > 0).alias("rated_movie_count"),
        rating_count.alias("rating_count"),
        average(F.sum("half_stars"), rating_count).alias("rating_avg"),
    ]
