"""
# MovieLens replay

Judges quarantined ratings and tags again, under the rules and the catalogue of today: after a movie was added to the
catalogue, say, or a rule was changed. Rows that pass leave quarantine in the same publish that brings them into silver.

**Reads** `quarantine.ratings` and `quarantine.tags` for the months to replay, then bronze of these months. **Writes**
silver, quarantine, gold and marts through the same layers and gates as `movielens_lakehouse`, a row of `ops.releases`
of kind `replay`, and the site bucket.

| param | meaning |
| --- | --- |
| `table` | only months in which this table has quarantined rows (default: both) |
| `reasons` | only months with a row that has one of these reasons (default: any) |
| `from_month`, `to_month` | only months of this range; without either, the rows without a readable time too |

The params choose months, and a month is judged as a whole: that is what makes a replayed month the same, byte for byte,
as one that was right from the start. The log of `choose` says which months, and how many rows wait there.

**Single rows** can be corrected or discarded with `corrections` and `why`: then the run is for the months of these
rows. Copy a row from the page *Quarantine*, and add what to `set`, or `discard`:

    [{"table": "ratings", "row": {"userId": "1", "movieId": "7", "rating": "99.0", "timestamp": "985000000"},
      "set": {"rating": "4.5"}},
     {"table": "tags", "row": {"_malformed_line": "5,7,dark"}, "discard": true}]

Who decided what, when and why is kept in `ops.corrections`. A decision holds for every row with these values, in later
dataset versions too; the latest one counts. Bronze keeps what was received. A discarded row stays in quarantine with
the reason `discarded`, and no limit counts it. The time of a row cannot be set: mend the file for that.

**The catalogue** is the one that bronze holds, that of the last load. A mended catalogue comes with a load: of all
months with `only_changed`, which takes the ratings of added movies along, or of any single month, and then a replay.

**A rule that got stricter** may send rows from silver to quarantine. They count against the limits of the gate; those
that were in quarantine before do not, for they have been let pass.

**Running it twice is safe**: the second run finds nothing, or changes nothing. **Retries and clearing any task are
safe**, as in `movielens_lakehouse`, and loads may run beside it.

**If a task fails**

- `choose` is skipped when no row in quarantine is asked for.
- `audit`: the gates are those of a load; see `movielens_lakehouse` and docs/runbook.md.
"""

from airflow.sdk import Param, chain, dag, task
from pendulum import datetime

from lakehouse.deadline import DEADLINE
from lakehouse.defaults import DEFAULT_ARGS, MONTH
from lakehouse.tasks import export, layer, publish_dashboard, release

VALUES = {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1}
CORRECTION = {
    "type": "object",
    "properties": {"table": {"enum": ["ratings", "tags"]}, "row": VALUES, "set": VALUES, "discard": {"const": True}},
    "required": ["table", "row"],
    "oneOf": [{"required": ["set"]}, {"required": ["discard"]}],
    "additionalProperties": False,
}
REASONS = ["malformed", "bad_user_id", "bad_movie_id", "bad_rating", "bad_timestamp", "unknown_movie", "discarded"]


@task
def choose(run_id: str | None = None, params: dict | None = None, dag_run=None) -> dict:
    """Record corrections, if there are any, and find the months in which quarantined rows wait."""
    from lakehouse.replay import start_replay

    return start_replay(run_id, params, dag_run.triggering_user_name)


@dag(
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(1995, 1, 1),
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    deadline=DEADLINE,
    tags=["tier-1", "ratings"],
    params={
        "table": Param(None, enum=[None, "ratings", "tags"], description="Only what waits in this table's quarantine"),
        "reasons": Param(
            [],
            type="array",
            items={"type": "string", "enum": REASONS},
            examples=REASONS,
            description="Only rows with one of these reasons",
        ),
        "from_month": Param(
            None, type=["null", "string"], pattern=MONTH, description="Only from this month on, such as 1996-03"
        ),
        "to_month": Param(None, type=["null", "string"], pattern=MONTH, description="Only up to this month"),
        "corrections": Param(
            [],
            type="array",
            items=CORRECTION,
            description="Instead of all that: rows to correct or to discard, as described above",
        ),
        "why": Param(None, type=["null", "string"], description="Why the corrections are right"),
    },
)
def movielens_replay():
    run = choose()
    layers = [layer.override(group_id=name)(name, run) for name in ("silver", "gold", "marts")]
    release_id = release(run)
    chain(run, *layers, release_id, export(release_id), publish_dashboard(release_id))


movielens_replay()
