"""From CSV to the figures of gold with PySpark alone: the lake's transforms without landing, tables and gates."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from infra.local.config import HOST, Stack
from infra.local.services import spark as spark_server
from lakehouse.tables import STAGES
from spark_jobs.gold import monthly_movie_ratings, rating_histogram, top_movies
from spark_jobs.silver.movies import one_row_a_movie, typed
from spark_jobs.silver.ratings import latest_of_each_month

SCHEMA = "user_id bigint, movie_id bigint, stars decimal(2,1), timestamp bigint"
TOP_MOVIES_MIN_RATINGS = 50


def stages(dataset: Path, output: Path) -> Iterator[str]:
    """Write one folder of Parquet files a table."""
    spark = new_session()
    yield "start"
    movies = one_row_a_movie(typed(spark.read.csv(str(dataset / "movies.csv"), header=True, escape='"'))).cache()
    path = str(output / "gold.monthly_movie_ratings")
    ratings = latest_of_each_month(rated(spark, dataset).join(F.broadcast(movies), "movie_id", how="left_semi"))
    monthly_movie_ratings.transform(ratings).write.parquet(path)
    yield "CSV to monthly_movie_ratings"
    monthly = spark.read.parquet(path).cache()
    for table in STAGES["gold"][-1]:
        derived(table, movies, monthly).write.parquet(str(output / table))
    yield "the other gold tables"
    spark.stop()


def new_session() -> SparkSession:
    """A session in this process, with the settings of the stack's server that do not concern Iceberg."""
    memory = spark_server(Stack.from_environment()).environment["SPARK_DRIVER_MEMORY"]
    settings: dict[str, str | int | float | bool | None] = {
        "spark.driver.memory": memory,
        "spark.driver.host": HOST,
        "spark.driver.bindAddress": HOST,
        "spark.driver.extraJavaOptions": "-Duser.timezone=UTC -XX:+UseParallelGC",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "8",
        "spark.ui.enabled": "false",
    }
    return SparkSession.builder.master("local[*]").config(map=settings).getOrCreate()


def rated(spark: SparkSession, dataset: Path) -> DataFrame:
    ratings = spark.read.csv(str(dataset / "ratings.csv"), SCHEMA, header=True, mode="FAILFAST")
    rated_at = F.timestamp_seconds("timestamp")
    return ratings.withColumns({"rated_at": rated_at, "_event_month": F.trunc(rated_at, "month")})


def derived(table: str, movies: DataFrame, monthly: DataFrame) -> DataFrame:
    if table == "gold.rating_histogram":
        return rating_histogram.transform(monthly)
    if table == "gold.top_movies":
        return top_movies.transform(movies, monthly, TOP_MOVIES_MIN_RATINGS)
    rows: DataFrame = import_module(f"spark_jobs.{table}").transform(movies, monthly)
    return rows
