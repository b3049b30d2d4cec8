"""The tables of the lake and what belongs to each."""

from importlib.util import find_spec
from itertools import chain

from lakehouse.contracts import OPS, tables_with_contract
from lakehouse.tables import EVENTS, LAYERS, MARTS, QUARANTINE, RELEASED, STAGES, job_of


def test_every_released_table_has_a_contract_and_the_other_way_round():
    assert sorted([*RELEASED, *OPS, EVENTS]) == tables_with_contract()


def test_every_table_with_a_job_has_its_module():
    tables = [table for stages in STAGES.values() for stage in stages for table in stage]

    assert sorted([*tables, *chain(*QUARANTINE.values()), *MARTS]) == sorted(RELEASED)
    assert all(find_spec(f"spark_jobs.{table}") for table in tables)
    assert all(callable(job_of(table).run) for table in tables)


def test_quarantine_is_published_with_the_layer_that_judges():
    found = {layer: [table for table in tables if table.startswith("quarantine.")] for layer, tables in LAYERS.items()}

    assert found == QUARANTINE | {"gold": [], "marts": []}
