"""Three runs in any order, with a crash at any step: readers see whole audited months only, and none is lost."""

from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from lakehouse import layers
from lakehouse.branches import open_branch, publish_branch
from spark_jobs.common.lake import head
from spark_jobs.common.run import Run
from tests.fixtures.lake import month, new_run, new_table, rows_of

pytestmark = pytest.mark.integration

MONTHS = ("2001-03", "2001-03", "2001-04")
"""The months of the three runs: two write the same one."""
TASKS = [(task, layer) for layer in ("bronze", "gold") for task in ("write", "audit", "publish")]
NEVER = 99


class CrashError(Exception):
    """The worker dies here."""


class World:
    """A table of months (two rows a run), a table of their total, and three runs that go through the tasks of both."""

    def __init__(self, spark, catalog):
        self.spark, self.catalog = spark, catalog
        self.months = new_table(catalog, "interleavings")
        self.total = new_table(catalog, "interleavings", has_months=False)
        self.runs = [new_run(each) for each in MONTHS]
        self.tasks_done = [0, 0, 0]
        self.passed = {run.run_id: {} for run in self.runs}
        self.steps_to_crash = NEVER

    def rows_of_run(self, number):
        return [(month(MONTHS[number]), 10 * number + row) for row in (1, 2)]

    def job_of(self, table):
        return SimpleNamespace(run=self.write_months if table == self.months else self.write_total)

    def write_months(self, lake):
        rows = self.rows_of_run(self.runs.index(lake.run))
        lake.replace(self.months, self.spark.createDataFrame(rows, "month date, n bigint"))

    def write_total(self, lake):
        total = lake.read_all(self.months).agg(F.lit(month("2001-03")).alias("month"), F.sum("n").alias("n"))
        lake.replace(self.total, total)

    def audit(self, _spark, layer, run, _dag_id):
        """An audit that lets everything pass, as the real one records it."""
        this_run = Run.from_json(run)
        for table in layers.LAYERS[layer]:
            self.passed[this_run.run_id][table] = head(self.catalog.load_table(table), this_run.branch)

    def dying(self, step):
        """The step, right before and right after which a crash may come."""

        def step_or_crash(*arguments, **options):
            self.tick()
            result = step(*arguments, **options)
            self.tick()
            return result

        return step_or_crash

    def tick(self):
        self.steps_to_crash -= 1
        if self.steps_to_crash < 0:
            self.steps_to_crash = NEVER
            raise CrashError

    def next_task(self, number, steps_to_crash=NEVER):
        """Let a run do its next task; one that crashes is tried again when the run's turn comes again."""
        if self.tasks_done[number] == len(TASKS):
            return
        task, layer = TASKS[self.tasks_done[number]]
        arguments = [self.spark, layer, self.runs[number].to_json(), "a_dag"]
        self.steps_to_crash = steps_to_crash
        try:
            getattr(layers, task)(*arguments[: 3 if task == "write" else 4])
            self.tasks_done[number] += 1
        except CrashError:
            pass
        finally:
            self.steps_to_crash = NEVER

    def months_on_main(self):
        """The rows that readers see, by month."""
        found = {}
        for each in rows_of(self.catalog, self.months):
            found.setdefault(each[0], []).append(each)
        return found


@pytest.fixture
def new_world(spark, catalog, monkeypatch):
    """A function that makes a world of its own in which the real tasks work."""

    def new_world():
        world = World(spark, catalog)
        for name, value in {
            "LAYERS": {"bronze": [world.months], "gold": [world.total]},
            "STAGES": {"bronze": [[world.months]], "gold": [[world.total]]},
            "job_of": world.job_of,
            "audit": world.audit,
            "passed_snapshots": lambda _, run_id: world.passed[run_id],
            "load_catalog": lambda _: catalog,
            "OPS": [],
            "gold_to_write": lambda _, run: (run, {}),
            "follow_contracts": lambda _, catalog, tables: [catalog.load_table(table) for table in tables],
            "open_branch": world.dying(open_branch),
            "publish_branch": world.dying(publish_branch),
        }.items():
            monkeypatch.setattr(layers, name, value)
        return world

    return new_world


A_PUBLISH_DIES_WHILE_WRITING_AGAIN = [*[(0, NEVER)] * 5, *[(1, NEVER)] * 5, (0, NEVER), (1, 2)]
"""Runs 0 and 1 are audited up to gold, 0 publishes it; 1, overtaken, dies between its fresh branch and its audit."""


@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns=st.lists(st.tuples(st.integers(0, 2), st.sampled_from([NEVER, NEVER, 0, 1, 2, 3])), max_size=16))
@example(turns=A_PUBLISH_DIES_WHILE_WRITING_AGAIN)
def test_readers_see_whole_audited_months_and_none_is_lost(new_world, turns):
    world, seen = new_world(), set()
    finishing = [(number, NEVER) for _ in TASKS for number in range(3)]

    for number, steps_to_crash in turns + finishing:
        world.next_task(number, steps_to_crash)

        on_main = world.months_on_main()
        audited = [world.rows_of_run(each) for each in range(3) if world.passed[world.runs[each].run_id]]
        assert all(rows in audited for rows in on_main.values())
        assert seen <= on_main.keys()
        seen |= on_main.keys()

    assert world.tasks_done == [len(TASKS)] * 3
    on_main = world.months_on_main()
    assert on_main.keys() == {month(each) for each in MONTHS}
    total = sum(n for rows in on_main.values() for _, n in rows)
    assert rows_of(world.catalog, world.total) == [(month("2001-03"), total)]
    assert not [
        ref for table in (world.months, world.total) for ref in world.catalog.load_table(table).refs() if "run" in ref
    ]
