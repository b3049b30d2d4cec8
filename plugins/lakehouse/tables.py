"""The tables of the lake: which layer writes which, and in which order."""

from importlib import import_module
from types import ModuleType

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

EVENTS = "bronze.rating_events"
"""The messages of the stream, raw. It is no table of a layer: ``lakehouse.stream`` writes it, bronze reads it."""

QUARANTINE = {
    "bronze": ["quarantine.rating_events"],
    "silver": ["quarantine.movies", "quarantine.links", "quarantine.ratings", "quarantine.tags"],
}
"""The tables that the jobs of a layer write beside their own."""

MARTS = ["marts.silver_movie_ratings", "marts.gold_movie_analytics"]
"""The tables that dbt makes, all from gold: see ``lakehouse.marts``."""

LAYERS = {
    layer: [table for stage in stages for table in stage] + QUARANTINE.get(layer, [])
    for layer, stages in STAGES.items()
} | {"marts": MARTS}
"""All tables that a layer writes, audits and publishes."""

DERIVED = ("gold", "marts")
"""The layers that are computed from the whole history: what another run has published does not add to them."""

CATALOGUES = ["bronze.movies", "bronze.links", "silver.movies", "silver.links"]
"""The tables that a dataset version has as a whole: a run leaves them alone where main has them of the same version."""

RELEASED = [table for tables in LAYERS.values() for table in tables]
"""The tables that a release pins."""


def job_of(table: str) -> ModuleType:
    """The module that builds a table: ``spark_jobs.silver.ratings`` for ``silver.ratings``."""
    return import_module(f"spark_jobs.{table}")
