"""A small lake that is in order, and branches of it to spoil."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from pyiceberg.catalog import Catalog
from pyiceberg.table.refs import MAIN_BRANCH

from lakehouse import gate, layers
from lakehouse.branches import NotAuditedError
from lakehouse.reports import Report
from lakehouse.runs import start_run
from lakehouse.tables import LAYERS, RELEASED
from spark_jobs.common.lake import head
from spark_jobs.common.run import Run
from tests.fixtures.in_order import files_in_order, write_files
from tests.fixtures.lake import numbers, rewind
from tests.fixtures.loads import load

OF_DATASET = "spark.sql.iceberg.snapshot-property.lakehouse.dataset"
COUNTED = pytest.StashKey[dict[str, int]]()


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("suites") / "in-order", files_in_order(users=range(1, 12)))


class Laboratory:
    """A published lake, and the written branches of one more run of a layer, which defects are done to."""

    def __init__(self, spark: Any, catalog: Catalog, layer: str, run: dict[str, Any]) -> None:
        self.spark, self.catalog, self.layer, self.run = spark, catalog, layer, run
        self.branch = Run.from_json(run).branch
        layers.write(spark, layer, run)
        self.refs = self.heads()

    def heads(self) -> dict[str, tuple[int, int]]:
        """Main and branch of every table of the layer."""
        tables = {name: self.catalog.load_table(name) for name in LAYERS[self.layer]}
        return {name: (head(table, MAIN_BRANCH), head(table, self.branch)) for name, table in tables.items()}

    def judged(self, table: str, suite: dict[str, Any], sql: str, monkeypatch: pytest.MonkeyPatch) -> Report:
        """The report of the gate on a table after a defect. A critical finding stops the run and moves no main."""
        reports: list[Report] = []
        monkeypatch.setattr(gate, "load_suite", lambda _: suite)
        for module in (gate, layers):
            monkeypatch.setattr(module, "LAYERS", {self.layer: [table]})
        monkeypatch.setattr(layers, "pass_or_raise", lambda layer, found: reports.extend(found) or stop(layer, found))
        try:
            self.spark.conf.set(OF_DATASET, Run.from_json(self.run).dataset_version)  # as if a run had done it
            self.spark.sql(sql.replace("{batch}", f"lake.{table}.branch_{self.branch}"))
            before = self.heads()
            try:
                layers.audit(self.spark, self.layer, self.run, "a_dag")
            except AirflowFailException:
                with pytest.raises(NotAuditedError):
                    layers.publish_branches(self.spark, self.catalog, Run.from_json(self.run), self.layer)
            assert self.heads() == before
        finally:
            self.spark.conf.unset(OF_DATASET)
            self.restore()
        (report,) = reports
        return report

    def restore(self) -> None:
        """Undo the defect."""
        for name, (main, written) in self.refs.items():
            table = self.catalog.load_table(name)
            if head(table, MAIN_BRANCH) != main:
                with table.manage_snapshots() as snapshots:
                    snapshots.set_current_snapshot(snapshot_id=main)
            if head(table, self.branch) != written:
                with table.manage_snapshots() as snapshots:
                    snapshots.remove_branch(self.branch).create_branch(written, self.branch)


stop = layers.pass_or_raise


@pytest.fixture(scope="session")
def mutants(request: pytest.FixtureRequest) -> Any:
    """A context that counts mutants of the suites, as caught when nothing is raised in it."""
    counted = request.config.stash.setdefault(COUNTED, {"caught": 0, "all": 0})

    @contextmanager
    def mutants(number: int) -> Iterator[None]:
        counted["all"] += number
        yield
        counted["caught"] += number

    return mutants


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if counted := config.stash.get(COUNTED, None):
        terminalreporter.write_line(f"{counted['caught']} of {counted['all']} mutants caught")


@pytest.fixture(scope="session")
def laboratory(spark: Any, lake_tables: Catalog, dataset: Path) -> Iterator[Any]:
    """A function that gives the laboratory of a layer."""
    rewind(lake_tables, *RELEASED)
    load(spark, dataset)
    params = {"dataset": str(dataset), "from_month": "1995-01", "to_month": None, "only_changed": False}
    made: dict[str, Laboratory] = {}

    def laboratory(layer: str) -> Laboratory:
        if layer not in made:
            run = start_run(f"defects__{next(numbers)}", params, None)
            made[layer] = Laboratory(spark, lake_tables, layer, run)
        return made[layer]

    yield laboratory
    rewind(lake_tables, *RELEASED)
