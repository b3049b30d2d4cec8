"""
# MovieLens lakehouse

Builds the bronze, silver and gold tables of one calendar month of ratings, or of a range of months, and with dbt the
marts, records a release and publishes it as dashboard page and exports.

**Reads** the dataset that `dataset` names, landed once per version. **Writes** the `bronze`, `silver`, `quarantine`,
`gold` and `marts` tables of the catalog `lake`, a row of `ops.releases`, `quality/…` in the lake bucket and the site
bucket.

| a run started by | is for |
| --- | --- |
| the schedule, or a backfill | the month of its logical date |
| hand, with `from_month` or `to_month` | that range, both ends included; an open end reaches as far as the data |
| hand, with `only_changed` | of the range, or of all months, those that differ from the lake: late or corrected data |
| hand, with a logical date alone | the month of that date |
| hand, with none of these | nothing: `land` fails and says so |

`land` compares the dataset with the lake and names the months that differ and that the run is not for.

A month without ratings or tags, in the dataset and in the lake, is skipped after `land`: the run is green and makes no
release. That holds for a month before or after the data too. The schedule takes a month when it has ended; the current
one can be loaded by hand, with what the dataset has of it so far.

**A backfill may have up to 10 runs at once.** They share the pool `spark`, publish one after the other, and `release`
of a run is skipped while a parallel one is about to publish gold or marts: the last one makes the release of all.

**Running a month again is safe**: it replaces that month and nothing else. **Retries and clearing any task are safe**:
`write` begins with a fresh branch, `publish` does what is left to do, `release` finds the one it made.

**Alerts** of a stopped gate, a failed task, a run that takes longer than two hours and a warning that repeats go where
the Airflow connection `lakehouse_alerts` leads, if there is one: see docs/runbook.md. The other DAGs have them too.

**If a task fails**

- `land`: the log names the file, the line and what to do. Nothing was published.
- `audit`: an expectation of severity *critical*, or a dbt test, failed; the log has counts and example rows,
  `quality/…` the whole report. Nothing of this layer and those after it is published; release and page stay. Mend the
  input and clear the whole run: a mended file is another version of the dataset, so it must be landed.
  docs/runbook.md says what each failure means.
- `write`, `publish`, `release`: mostly a service that went away; retries take care of it. See docs/runbook.md if not.
"""

from airflow.sdk import CronDataIntervalTimetable, Param, chain, dag, task
from pendulum import datetime

from lakehouse.deadline import DEADLINE
from lakehouse.defaults import DEFAULT_ARGS, MONTH
from lakehouse.tasks import export, layer, publish_dashboard, release


@task
def land(run_id: str | None = None, params: dict | None = None, ds: str | None = None) -> dict:
    """Land the dataset, once per version, and say which months this run is for."""
    from lakehouse.runs import start_run

    return start_run(run_id, params, ds)


@dag(
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 6 1 * *", timezone="UTC"),
    start_date=datetime(1995, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    deadline=DEADLINE,
    tags=["tier-1", "ratings"],
    params={
        "dataset": Param(
            None,
            type=["null", "string"],
            description="GroupLens dataset, or a folder or zip (default: the Airflow variable lakehouse_dataset)",
        ),
        "from_month": Param(
            None, type=["null", "string"], pattern=MONTH, description="First month of a range, such as 1996-03"
        ),
        "to_month": Param(None, type=["null", "string"], pattern=MONTH, description="Last month of the range"),
        "only_changed": Param(
            False,
            type="boolean",
            description="Of these months, or of all, only those that differ from what the lake has",
        ),
    },
)
def movielens_lakehouse():
    run = land()
    layers = [layer.override(group_id=name)(name, run) for name in ("bronze", "silver", "gold", "marts")]
    release_id = release(run)
    chain(run, *layers, release_id, export(release_id), publish_dashboard(release_id))


movielens_lakehouse()
