"""Bronze takes the landed lines of one dataset version and of the months of a run."""

from lakehouse.landing.tables import opened
from spark_jobs.bronze import ratings
from spark_jobs.common.lake import Lake
from tests.fixtures.lake import append, month, new_run, open_empty, rows_of

MARCH = month("2001-03")


def landed(line, event_month, version):
    source = {
        "userId": "1",
        "movieId": "7",
        "rating": "99.0",
        "timestamp": "soon",
        "_other_columns": "{}",
        "_line": line,
    }
    return source | {"_event_month": event_month, "_dataset_version": version}


def test_a_run_takes_the_lines_of_its_months_and_its_version(spark, lake_tables):
    run = new_run("2001-03", unknown=True)
    append(
        opened(lake_tables, "ratings"),
        [
            landed(2, MARCH, run.version),
            landed(3, None, run.version),
            landed(4, month("2001-04"), run.version),
            landed(5, MARCH, "another one"),
        ],
    )
    open_empty(lake_tables, "bronze.ratings", run.branch)

    ratings.run(Lake(spark, lake_tables, run))

    kept = [row[:6] for row in rows_of(lake_tables, "bronze.ratings", run.branch)]
    assert kept == [("1", "7", "99.0", "soon", "{}", line) for line in (2, 3)]
