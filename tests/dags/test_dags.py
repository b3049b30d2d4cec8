"""The DAGs as Airflow parses them: which there are, and what must never happen before what."""

from itertools import pairwise

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import CronDataIntervalTimetable
from airflow.sdk.exceptions import ParamValidationError

from infra.files import REPOSITORY
from lakehouse.alerts import lag_grows, task_failed, warning_repeats
from lakehouse.deadline import EndOfRun

DAGS = REPOSITORY / "dags"
DAG_IDS = [
    "movielens_lakehouse",
    "movielens_maintenance",
    "movielens_replay",
    "movielens_rollback",
    "movielens_stream",
    "movielens_stream_months",
]
LAYERS = ["bronze", "silver", "gold", "marts"]


@pytest.fixture(scope="module")
def bag():
    return DagBag(DAGS)


@pytest.fixture(scope="module")
def dag(bag):
    return bag.dags["movielens_lakehouse"]


def before(dag, task_id):
    """The tasks that are done before a task begins."""
    return {task.task_id for task in dag.get_task(task_id).get_flat_relatives(upstream=True)}


def test_every_file_is_the_dag_of_its_name_and_there_is_no_other(bag):
    assert bag.import_errors == {}
    assert sorted(bag.dag_ids) == sorted(path.stem for path in DAGS.glob("*.py")) == DAG_IDS


def test_the_tasks_are_land_four_layers_release_export_and_page(dag):
    steps = [f"{layer}.{step}" for layer in LAYERS for step in ("write", "audit", "publish")]

    assert sorted(dag.task_ids) == sorted(["land", *steps, "release", "export", "publish_dashboard"])


@pytest.mark.parametrize("layer", LAYERS)
def test_nothing_is_published_before_it_was_audited(dag, layer):
    assert f"{layer}.write" in before(dag, f"{layer}.audit")
    assert f"{layer}.audit" in before(dag, f"{layer}.publish")


def test_a_layer_is_written_when_the_one_before_it_is_published(dag):
    assert before(dag, "bronze.write") == {"land"}
    for earlier, later in pairwise(LAYERS):
        assert f"{earlier}.publish" in before(dag, f"{later}.write")


def test_a_release_waits_for_every_layer_and_the_site_for_the_release(dag):
    assert {f"{layer}.publish" for layer in LAYERS} < before(dag, "release")
    assert "release" in before(dag, "export")
    assert {"release", "export"} <= before(dag, "publish_dashboard")


def test_no_task_runs_in_spite_of_a_failed_one(dag):
    assert {task.trigger_rule.value for task in dag.tasks} == {"all_success"}


def test_every_spark_task_waits_for_a_slot_of_the_pool(dag):
    on_spark = [task for task in dag.tasks if "PySpark" in task.task_type]

    assert len(on_spark) == 12
    assert {(task.pool, task.conn_id) for task in on_spark} == {("spark", "spark_default")}
    assert {task.pool for task in dag.tasks if task not in on_spark} == {"default_pool"}


def test_every_task_outlives_a_service_that_is_restarted(dag):
    assert {task.retries for task in dag.tasks} == {6}
    assert max(task.retry_delay for task in dag.tasks).total_seconds() == 5


def test_the_schedule_is_a_month_a_run_and_can_be_backfilled(dag):
    assert isinstance(dag.timetable, CronDataIntervalTimetable)
    assert (dag.timetable.expression, str(dag.timetable.timezone)) == ("0 6 1 * *", "UTC")
    assert dag.start_date.isoformat() == "1995-01-01T00:00:00+00:00"
    assert (dag.catchup, dag.max_active_runs) == (False, 1)


def test_the_params_are_a_dataset_two_months_and_what_changed(dag):
    schemas = {name: dag.params.get_param(name).schema for name in dag.params}

    assert sorted(schemas) == ["dataset", "from_month", "only_changed", "to_month"]
    assert schemas.pop("only_changed")["type"] == "boolean"
    assert dag.params["only_changed"] is False
    assert all(dag.params[name] is None for name in schemas)
    assert all(schema["type"] == ["null", "string"] for schema in schemas.values())
    assert all(dag.params.get_param(name).description for name in schemas)


@pytest.mark.parametrize("name", ["from_month", "to_month"])
def test_a_month_is_written_with_its_year(dag, name):
    param = dag.params.get_param(name)

    assert param.resolve("2001-03") == "2001-03"
    for wrong in ("2001-13", "2001-3", "2001-03-01", "March"):
        with pytest.raises(Exception, match=wrong):
            param.resolve(wrong)


def test_a_dag_is_documented_for_the_one_who_is_called_at_night(dag):
    assert dag.doc_md.startswith("\n# MovieLens lakehouse")
    assert all(heading in dag.doc_md for heading in ("**Reads**", "**Writes**", "safe**", "**If a task fails**"))
    assert dag.tags == {"tier-1", "ratings"}
    assert dag.owner == "lakehouse"


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_every_failed_task_every_late_run_and_every_audit_may_be_worth_an_alert(bag, dag_id):
    dag = bag.dags[dag_id]
    audits = {task.task_id: task.on_success_callback for task in dag.tasks if "audit" in task.task_id}

    assert all(task.on_failure_callback == [task_failed] for task in dag.tasks)
    assert {type(deadline.reference) for deadline in dag.deadline} == {EndOfRun}
    assert {deadline.callback.path for deadline in dag.deadline} == {"lakehouse.alerts.run_is_late"}
    assert len(audits) >= 2 or dag_id in ("movielens_stream", "movielens_maintenance")
    for task_id, (callback,) in audits.items():
        assert callback.func == warning_repeats
        assert [layer for layer in LAYERS if layer in task_id] == list(callback.args)


def test_a_replay_goes_through_the_gates_of_silver_gold_and_marts(bag):
    replay = bag.dags["movielens_replay"]

    assert before(replay, "silver.write") == {"choose"}
    assert before(replay, "gold.write") == {"choose", "silver.write", "silver.audit", "silver.publish"}
    assert before(replay, "marts.write") == before(replay, "gold.write") | {"gold.write", "gold.audit", "gold.publish"}
    assert before(replay, "publish_dashboard") == set(replay.task_ids) - {"publish_dashboard"}
    assert {task.trigger_rule.value for task in replay.tasks} == {"all_success"}
    assert {task.pool for task in replay.tasks if "PySpark" in task.task_type} == {"spark"}
    assert (replay.schedule, replay.max_active_runs) == (None, 1)


ROW = {"table": "ratings", "row": {"userId": "1"}}
WRONG = [
    ("corrections", [each])
    for each in (ROW, ROW | {"set": {"rating": 4.5}}, ROW | {"discard": True, "set": {"rating": "4"}})
]


def test_the_params_of_a_replay_name_what_waits_in_quarantine(bag):
    params = bag.dags["movielens_replay"].params

    assert {name: params[name] for name in params} == {
        "table": None,
        "reasons": [],
        "from_month": None,
        "to_month": None,
        "corrections": [],
        "why": None,
    }
    assert params.get_param("reasons").resolve(["unknown_movie"]) == ["unknown_movie"]
    assert params.get_param("corrections").resolve([ROW | {"set": {"rating": "4.5"}}, ROW | {"discard": True}])
    for name, wrong in (("reasons", ["ugly"]), ("table", "movies"), ("to_month", "2001-13"), *WRONG):
        with pytest.raises(ParamValidationError):
            params.get_param(name).resolve(wrong)


def test_a_rollback_moves_main_when_all_audits_have_passed(bag):
    rollback = bag.dags["movielens_rollback"]

    assert before(rollback, "restore") == {"choose", "audit_silver", "audit_gold", "audit_marts"}
    assert before(rollback, "publish_dashboard") == set(rollback.task_ids) - {"publish_dashboard"}
    assert {task.trigger_rule.value for task in rollback.tasks} == {"all_success"}
    assert rollback.params["release_id"] is None
    assert (rollback.schedule, rollback.max_active_runs) == (None, 1)


def test_the_stream_moves_messages_and_its_months_go_through_every_gate(bag):
    stream, months = bag.dags["movielens_stream"], bag.dags["movielens_stream_months"]

    (ingest,) = stream.tasks
    assert (stream.timetable.expression, stream.catchup, stream.max_active_runs) == ("*/10 * * * *", False, 1)
    assert ([outlet.name for outlet in ingest.outlets], ingest.pool) == (["bronze.rating_events"], "spark")
    assert ingest.on_success_callback == [lag_grows]
    assert stream.params["accept_loss"] is False
    assert months.timetable.asset_condition.name == "bronze.rating_events"
    assert before(months, "bronze.write") == {"choose"}
    assert before(months, "publish_dashboard") == set(months.task_ids) - {"publish_dashboard"}
    assert {task.trigger_rule.value for task in months.tasks} == {"all_success"}
    assert (months.catchup, months.max_active_runs) == (False, 1)


def test_maintenance_frees_what_holds_snapshots_before_it_expires_them_and_measures_around_all(bag):
    dag = bag.dags["movielens_maintenance"]
    order = ["drop_branches", "forget_releases", "expire_snapshots", "compact", "remove_orphans", "delete_landings"]
    steps = [*order, "delete_reports"]

    assert all(earlier in before(dag, later) for earlier, later in pairwise(steps))
    assert {"plan", "measure_before"} <= before(dag, "drop_branches")
    assert set(steps) < before(dag, "measure_after")
    assert before(dag, "report") == set(dag.task_ids) - {"report"}
    assert (dag.timetable.expression, dag.catchup, dag.max_active_runs) == ("0 3 * * 0", False, 1)
    assert dag.start_date is None  # it does not run at the moment that it is switched on
    assert dag.params["dry_run"] is None
    assert {task.pool for task in dag.tasks if "PySpark" in task.task_type} == {"spark"}
    with pytest.raises(Exception, match="1 is less than the minimum of 2"):
        dag.params.get_param("orphans_days").resolve(1)
