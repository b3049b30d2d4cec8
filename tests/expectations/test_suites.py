"""Every expectation is proven to bite: a defect that it catches, and that the same one with a wider bound does not."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lakehouse import layers
from lakehouse.gate import load_suite
from lakehouse.reports import last_findings
from lakehouse.tables import LAYERS, RELEASED

BOUNDS = {"min_value", "max_value", "value_set", "value", "regex"}


@dataclass(frozen=True)
class Defect:
    """What is done to the branch of a table, the notes of the expectation it breaks, and bounds too wide to see it."""

    table: str
    breaks: str
    sql: str
    unseen_by: dict[str, Any] = field(default_factory=dict)


def defects_of(table: str) -> list[Defect]:
    path = Path(__file__).parent / f"{table.replace('.', '/')}.toml"
    return [Defect(table, **each) for each in tomllib.loads(path.read_text())["defect"]]


DEFECTS = [defect for table in RELEASED for defect in defects_of(table)]
CHOSEN = DEFECTS if os.environ.get("MUTANTS") == "all" else [defects_of(table)[-1] for table in RELEASED]


@pytest.mark.parametrize("table", RELEASED)
def test_every_expectation_has_a_defect_and_every_bound_one_that_only_just_breaks_it(table):
    expectations = {each["notes"]: each["kwargs"].keys() & BOUNDS for each in load_suite(table)["expectations"]}
    tried: dict[str, set[str]] = {}
    for defect in defects_of(table):
        tried.setdefault(defect.breaks, set()).update(defect.unseen_by)

    assert tried == expectations


@pytest.mark.integration
@pytest.mark.parametrize("layer", LAYERS)
def test_what_is_in_order_meets_every_expectation(laboratory, spark, lake_tables, layer):
    run = laboratory(layer).run

    layers.audit(spark, layer, run, "a_dag")

    last = last_findings(lake_tables, run["run_id"])
    findings = [finding for finding in last if not finding["expectation"].startswith("dbt_")]
    assert len(findings) == sum(len(load_suite(table)["expectations"]) for table in LAYERS[layer])
    assert [finding["notes"] for finding in findings if not finding["success"]] == []


@pytest.mark.integration
@pytest.mark.parametrize("defect", CHOSEN, ids=lambda defect: f"{defect.table}: {defect.breaks[:50]} {defect.sql[:20]}")
def test_a_defect_is_caught_by_its_expectation_and_not_by_a_wider_one(laboratory, monkeypatch, defect, mutants):
    layer = next(layer for layer, tables in LAYERS.items() if defect.table in tables)
    suite = json.loads(json.dumps(load_suite(defect.table)))
    (expectation,) = [each for each in suite["expectations"] if each["notes"] == defect.breaks]
    if defect.unseen_by:
        wider = {"kwargs": expectation["kwargs"] | defect.unseen_by, "severity": "info", "notes": "Wider."}
        suite["expectations"].append(expectation | wider)

    with mutants(2 if defect.unseen_by else 1):  # without the expectation, and with a wider one
        findings = laboratory(layer).judged(defect.table, suite, defect.sql, monkeypatch).findings

        outcomes = {finding.notes: finding.success for finding in findings}
        assert outcomes[defect.breaks] is False
        assert outcomes.get("Wider.", True) is True
