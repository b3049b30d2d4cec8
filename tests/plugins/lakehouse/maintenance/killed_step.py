"""Run a step of the maintenance in a process of its own, which kills itself at a call: the module under test's program.

Arguments: the step, the function of its module that is counted, ``before`` or ``after``, and which call it is.
"""

import importlib
import json
import os
import signal
import sys

import boto3
from pyiceberg.catalog import load_catalog
from pyspark.sql import SparkSession

from lakehouse.maintenance import Plan

STEPS = {
    "branches": ("drop_dead_branches", ("catalog", "plan", "nobody")),
    "releases": ("forget_old_releases", ("catalog", "plan")),
    "snapshots": ("expire_snapshots", ("spark", "catalog", "plan")),
    "compaction": ("compact", ("spark", "catalog", "plan")),
    "orphans": ("remove_orphan_files", ("spark", "s3", "bucket", "catalog", "plan")),
    "retention": ("delete_old_landings", ("s3", "bucket", "catalog", "plan")),
}
step, counted, moment, number = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
given = json.loads(os.environ["GIVEN"])
module = importlib.import_module(f"lakehouse.maintenance.{step}")
catalog = load_catalog("lake")
needed = {
    "catalog": lambda: catalog,
    "plan": lambda: Plan.from_json(given["plan"]),
    "nobody": lambda: lambda _: False,
    "spark": lambda: SparkSession.builder.remote(given["spark"]).getOrCreate(),
    "s3": lambda: boto3.client("s3", **given["s3"]),
    "bucket": lambda: "lake",
}
if step == "retention":
    module.LANDING = "landing/upkeep-killed/"
else:
    module.all_tables = lambda _: {name: catalog.load_table(name) for name in given["tables"]}
if counted == "sql":
    owner = importlib.import_module("pyspark.sql.connect.session").SparkSession
else:
    *within, counted = counted.split(".")
    owner = getattr(module, within[0]) if within else module
original, calls = getattr(owner, counted), []


def killed(*arguments: object, **named: object) -> object:
    calls.append(counted)
    call = len(calls)
    if moment == "before" and call == number:
        os.kill(os.getpid(), signal.SIGKILL)
    answer = original(*arguments, **named)
    if moment == "after" and call == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer


setattr(owner, counted, killed)
function, arguments = STEPS[step]
getattr(module, function)(*[needed[name]() for name in arguments])
