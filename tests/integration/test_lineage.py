"""The lineage that the code promises is the one that a release recorded."""

from __future__ import annotations

from typing import Any

import pytest

from docs.lineage import sources
from lakehouse.serving import load_release
from spark_jobs.common.lake import sources_of
from tests.integration.conftest import FinishedRun

pytestmark = pytest.mark.integration


def test_a_release_was_computed_from_what_the_code_says(loaded: FinishedRun, catalog: Any) -> None:
    pinned, promised = load_release(loaded.release_id).tables, sources()
    recorded = {name: set(sources_of(catalog.load_table(name), snapshot)) for name, snapshot in pinned.items()}
    for name, found in recorded.items():
        if found or not name.startswith("quarantine."):  # where nothing was rejected, quarantine is not written
            assert found | promised[name] & {"ops.corrections"} == promised[name], name  # no decisions, nothing to read
