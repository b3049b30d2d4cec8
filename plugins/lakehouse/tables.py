"""The tables of the lake: which layer writes which, in which order, and how a missing one is made."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

from pyiceberg.catalog import Catalog
from pyspark.sql import SparkSession

import spark_jobs

CONTRACTS = Path(spark_jobs.__file__).parent / "contracts"

STAGES = {
    "bronze": [["bronze.movies", "bronze.links", "bronze.ratings", "bronze.tags"]],
    "silver": [["silver.movies"], ["silver.ratings", "silver.tags", "silver.links"]],
    "gold": [
        ["gold.monthly_movie_ratings"],
        [
            "gold.movie_analytics",
            "gold.genre_stats",
            "gold.movies_by_year",
            "gold.rating_distribution",
            "gold.rating_histogram",
            "gold.top_movies",
        ],
    ],
}
"""The tables with a job of their own, by layer. A stage may read what the stages before it wrote."""

QUARANTINE = ["quarantine.movies", "quarantine.links", "quarantine.ratings", "quarantine.tags"]
"""The tables that the silver jobs write beside their own."""

LAYERS = {layer: [table for stage in stages for table in stage] for layer, stages in STAGES.items()}
LAYERS["silver"] += QUARANTINE
"""All tables that a layer writes, audits and publishes."""

CATALOGUES = ["bronze.movies", "bronze.links", "silver.movies", "silver.links"]
"""The tables that a dataset version has as a whole: a run leaves them alone where main has them of the same version."""

RELEASED = [table for tables in LAYERS.values() for table in tables]
"""The tables that a release pins."""


def job_of(table: str) -> ModuleType:
    """The module that builds a table: ``spark_jobs.silver.ratings`` for ``silver.ratings``."""
    return import_module(f"spark_jobs.{table}")


def create_tables(spark: SparkSession, catalog: Catalog) -> None:
    """Make every table that has a contract and does not exist yet."""
    contracts = {path.stem.replace("_", ".", 1): path for path in sorted(CONTRACTS.glob("*.sql"))}
    for layer in sorted({table.split(".")[0] for table in contracts}):
        if not catalog.namespace_exists(layer):
            spark.sql(f"CREATE NAMESPACE IF NOT EXISTS lake.{layer}")
        existing = {".".join(name) for name in catalog.list_tables(layer)}
        for table, path in contracts.items():
            if table.startswith(f"{layer}.") and table not in existing:
                spark.sql(path.read_text())
