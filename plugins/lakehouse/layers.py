"""Write, audit and publish one layer of the lake for one run."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.sdk.exceptions import AirflowFailException
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.table.refs import MAIN_BRANCH
from pyspark.sql import SparkSession

from lakehouse.branches import MainMovedError, NotAuditedError, give_first_snapshot, open_branch, publish_branch
from lakehouse.catch_up import gold_to_audit, gold_to_write
from lakehouse.contracts import OPS, follow_contracts
from lakehouse.defaults import setting
from lakehouse.gate import audit_tables
from lakehouse.gate_views import QuarantineLimits
from lakehouse.landing import read_manifest
from lakehouse.marts import build_marts, marts_to_audit, marts_to_write, with_dbt_tests
from lakehouse.reports import GateError, pass_or_raise, passed_snapshots, store
from lakehouse.tables import CATALOGUES, DERIVED, EVENTS, LAYERS, STAGES, job_of
from spark_jobs.common.lake import Lake, count_rows, head, sources_of, written_table
from spark_jobs.common.run import Run
from spark_jobs.silver.corrections import CORRECTIONS

log = logging.getLogger(__name__)

PARALLEL = 3
"""Tables written side by side: small ones wait for the catalog and S3 more than for a core."""


def write(spark: SparkSession, layer: str, run: dict[str, Any]) -> None:
    """Write every table of the layer to the branch of the run. A retry begins with fresh branches."""
    write_branches(spark, load_catalog("lake"), Run.from_json(run), layer)


def audit(spark: SparkSession, layer: str, run: dict[str, Any], dag_id: str) -> None:
    """Judge the branches of the layer and keep the reports.

    Raises:
        AirflowFailException: a critical expectation failed; no retry, for a bad row does not improve by waiting.
    """
    try:
        audit_branches(spark, load_catalog("lake"), Run.from_json(run), layer, dag_id)
    except GateError as error:
        raise AirflowFailException(str(error)) from error


def publish(spark: SparkSession, layer: str, run: dict[str, Any], dag_id: str) -> None:
    """Make the audited branches main. Where another run came first, write and audit again on top of it.

    The same is done for a branch that is not as it was audited: an earlier try may have died between the two.

    Raises:
        AirflowFailException: a critical expectation failed on top of the other run.
    """
    catalog, this_run = load_catalog("lake"), Run.from_json(run)
    while True:
        try:
            return publish_branches(spark, catalog, this_run, layer)
        except (MainMovedError, NotAuditedError) as reason:
            log.warning("%s: writing and auditing %s again", reason, layer)
        write_branches(spark, catalog, this_run, layer)
        audit(spark, layer, run, dag_id)


def write_branches(spark: SparkSession, catalog: Catalog, run: Run, layer: str) -> None:
    for table in follow_contracts(spark, catalog, [*OPS, EVENTS]):
        give_first_snapshot(table)
    tables = follow_contracts(spark, catalog, LAYERS[layer])
    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(lambda table: open_branch(table, run.branch), tables))
        if layer == "marts":
            build_marts(spark, run, marts_to_write(catalog))
        run, pinned = gold_to_write(catalog, run) if layer == "gold" else (run, {})
        for stage in STAGES.get(layer, []):
            list(pool.map(partial(_write_table, spark, catalog, run, pinned), stage))
    spark.catalog.clearCache()


def _write_table(spark: SparkSession, catalog: Catalog, run: Run, pinned: dict[str, int], table: str) -> None:
    started = time.monotonic()
    lake = Lake(spark, catalog, run, pinned)
    if table in CATALOGUES and lake.is_current(table):
        log.info("%s: as %s has it, unchanged", table, run.dataset_version)
        return
    job_of(table).run(lake)
    sources = sources_of(catalog.load_table(table), lake.head(table))
    rows_in = ", ".join(f"{lake.count(source)} from {source}" for source in sources)
    quarantine = table.replace("silver.", "quarantine.")
    quarantined = f", {lake.count(quarantine)} quarantined" if quarantine != table else ""
    seconds = time.monotonic() - started
    rows_out, head_now = lake.count(table), lake.head(table)
    log.info(
        "%s: %s in, %d rows out%s, snapshot %d, %.1f s",
        *(table, rows_in or "nothing", rows_out, quarantined, head_now, seconds),
    )


def _as_written(catalog: Catalog, run: Run, layer: str) -> tuple[Run, dict[str, int]]:
    """The run over the months that it has written in a layer, and the snapshots that it was made from, by table."""
    if layer == "gold":
        return gold_to_audit(catalog, run)
    return run, marts_to_audit(catalog, run) if layer == "marts" else _read_by(catalog, run, layer)


def _read_by(catalog: Catalog, run: Run, layer: str) -> dict[str, int]:
    """The snapshots of the messages and of the corrections that a layer was made with, by table, if any."""
    ratings = written_table(catalog, f"{layer}.ratings")
    sources = sources_of(ratings, head(ratings, run.branch)) if ratings else {}
    return {name: snapshot for name, snapshot in sources.items() if name in (EVENTS, CORRECTIONS)}


def audit_branches(spark: SparkSession, catalog: Catalog, run: Run, layer: str, dag_id: str) -> None:
    defaults = QuarantineLimits()
    limits = QuarantineLimits(
        float(setting("max_quarantined_share", str(defaults.max_quarantined_share))),
        int(setting("max_quarantined_rows", str(defaults.max_quarantined_rows))),
        run.started_at if run.kind == "replay" else defaults.counted_since,
    )
    run, pinned = _as_written(catalog, run, layer)
    lake = Lake(spark, catalog, run, pinned)
    reports = audit_tables(lake, layer, read_manifest(run.dataset, run.version), limits)
    if layer == "marts":
        reports = with_dbt_tests(lake, pinned, reports)
    store(S3Hook("aws_default").get_conn(), setting("lake_bucket"), catalog, dag_id, run, layer, reports)
    pass_or_raise(layer, reports)


def publish_branches(spark: SparkSession, catalog: Catalog, run: Run, layer: str) -> None:
    """Publish the branches of a layer, each at the snapshot that ``ops.quality_results`` says has passed.

    Raises:
        MainMovedError: another run published first, and what this one wrote does not fit on top of it. Gold and
            marts are derived from the whole history, so there a month that another run added is reason enough.
    """
    passed = passed_snapshots(catalog, run.run_id)
    for name in LAYERS[layer]:
        table = catalog.load_table(name)
        outcome = publish_branch(spark, table, run.branch, passed.get(name), may_cherry_pick=layer not in DERIVED)
        main = head(table.refresh(), MAIN_BRANCH)
        log.info("%s: %s, main is snapshot %d with %d rows", name, outcome, main, count_rows(table, main))
