"""A damaged file is refused, its bad rows wait in quarantine, or a gate stops the run: no release shows the damage."""

import json
import re
from collections import Counter
from functools import cache

import pytest
from airflow.sdk.exceptions import AirflowFailException

from infra.files import REPOSITORY
from lakehouse.landing.csv_files import COLUMNS
from lakehouse.serving import load_release
from lakehouse.tables import LAYERS, RELEASED
from tests.fixtures.damages import FILES, FIRST_LOAD, HARMLESS, LONG, QUARANTINED, REFUSED, STOPPED, harmed
from tests.fixtures.in_order import write_files
from tests.fixtures.lake import rewind, rows_of
from tests.fixtures.landing import object_keys
from tests.fixtures.loads import load, new_load, run_layers

KINDS = {"Refused": REFUSED, "Stopped": STOPPED, "Quarantined": QUARANTINED, "Harmless": HARMLESS}


def each(damages):
    return pytest.mark.parametrize("damage", damages.values(), ids=damages)


def documented():
    """The outcome of every damage, from docs/data-guidelines.md."""
    page = (REPOSITORY / "docs" / "data-guidelines.md").read_text()
    section = page.partition("\n## Damaged input\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \| (.+?) \|", section, re.MULTILINE)
    return {name: outcome for names, outcome in rows for name in re.findall(r"`([\w-]+)`", names)}


def test_every_outcome_is_documented():
    outcomes = documented()

    assert {name: outcome.split()[0].strip(":,") for name, outcome in outcomes.items()} == {
        name: kind for kind, damages in KINDS.items() for name in damages
    }
    assert [name for name, damage in STOPPED.items() if f"`{damage.table}`" not in outcomes[name]] == []
    assert [name for name, damage in QUARANTINED.items() if ", ".join(damage.reasons) not in outcomes[name]] == []


@pytest.mark.parametrize("name", FILES)
def test_a_damage_changes_its_file(name):
    for damage in [*REFUSED.values(), *STOPPED.values(), *HARMLESS.values()]:
        assert damage.file != name or damage.change(FILES[name]) != FILES[name], damage


@pytest.mark.integration
@each(REFUSED)
def test_a_file_that_cannot_be_taken_apart_is_refused_and_nothing_is_landed(s3, catalog, tmp_path, damage):
    files = FILES | {damage.file: damage.change(FILES[damage.file])}

    with pytest.raises(AirflowFailException, match=f"/{damage.file}.csv{damage.message}"):
        new_load(write_files(tmp_path / "refused", files))

    assert object_keys(s3, "refused") == {}


@pytest.fixture(scope="module")
def lake(lake_tables):
    rewind(lake_tables, *RELEASED)
    yield lake_tables
    rewind(lake_tables, *RELEASED)


@pytest.fixture(scope="module")
def in_order(spark, lake, tmp_path_factory):
    """The tables of silver and gold as the files before the damage make them; the lake shows these from then on."""
    load(spark, write_files(tmp_path_factory.mktemp("in-order") / "damaged", FILES))
    return contents(lake)


def contents(catalog):
    """The rows of every table of silver and gold, without what harmless damages add to them."""
    tables = [*LAYERS["silver"], *LAYERS["gold"]]
    rows = {table: [str(row).replace(LONG, "") for row in rows_of(catalog, table)] for table in tables}
    return {table: [row for row in found if "lonely" not in row] for table, found in rows.items()}


def failed(s3, run_id, table, severity):
    """The failed findings of the report on a table."""
    report = s3.get_object(Bucket="lake", Key=f"quality/a_dag/{run_id}/{table}.json")["Body"].read()
    findings = json.loads(report)["findings"]
    return [finding for finding in findings if not finding["success"] and finding["severity"] == severity]


@pytest.fixture(scope="module")
def stopped(spark, lake, in_order, tmp_path_factory):
    """A function that loads the damages of a round; the run, why it stopped, and which of main's tables moved."""

    def shown():
        tables = [*LAYERS["silver"], *LAYERS["gold"], "ops.releases"]
        return {table: lake.load_table(table).current_snapshot().snapshot_id for table in tables}

    @cache
    def stopped(round_):
        damages = [damage for damage in STOPPED.values() if damage.round == round_]
        files = FILES | {damage.file: damage.change(FILES[damage.file]) for damage in damages}
        name = "another" if round_ == FIRST_LOAD else "damaged"
        run, before = new_load(write_files(tmp_path_factory.mktemp(round_) / name, files)), shown()
        with pytest.raises(AirflowFailException) as error:
            run_layers(spark, run, list(LAYERS))
        return run["run_id"], str(error.value), shown().items() - before.items()

    return stopped


@pytest.mark.integration
@each(STOPPED)
def test_a_damage_of_many_rows_stops_at_its_expectation_and_nobody_sees_it(stopped, s3, damage):
    run_id, error, moved = stopped(damage.round)

    layer = next(layer for layer, tables in LAYERS.items() if damage.table in tables)
    assert re.search(rf"^The gate of {layer} stopped the run: .*\b{damage.table} \(\d critical\)", error)
    (finding,) = [
        each for each in failed(s3, run_id, damage.table, "critical") if each["notes"].startswith(damage.notes)
    ]
    examples = finding["examples"]
    assert bool(examples) == bool(damage.example)
    assert [row for row in examples if damage.example.items() <= row.items()] == examples
    assert [row for row in examples if row.get("_line", "1").isdigit()] == examples
    assert moved == set()


@pytest.fixture(scope="module")
def release(spark, lake, in_order, tmp_path_factory):
    """The release of the files with all damages that stop nothing."""
    return load_release(load(spark, write_files(tmp_path_factory.mktemp("harmed") / "damaged", harmed())))


@pytest.fixture(scope="module")
def waiting(release):
    """The rows in quarantine by table and line of the file."""
    tables = {name: release.read(f"quarantine.{name}").to_pylist() for name in FILES}
    return {name: {row["_line"]: row for row in rows} for name, rows in tables.items()}


@pytest.mark.integration
@each(QUARANTINED)
def test_a_bad_row_waits_in_quarantine_as_received_with_all_its_reasons(waiting, damage):
    line = harmed()[damage.file].split("\n").index(damage.line) + 1

    row = waiting[damage.file][line]

    assert row["reasons"] == damage.reasons
    assert row["_source_file"] == f"{damage.file}.csv"
    received = row["_malformed_line"] or ",".join(row[name] for name in COLUMNS[damage.file])
    assert damage.line.removesuffix(",1995") == received.removesuffix(",1995")  # the column that movies.csv has by then


@pytest.mark.integration
@each(HARMLESS)
def test_a_harmless_damage_does_not_show_in_silver(release, in_order, lake, damage):
    assert contents(lake)[f"silver.{damage.file}"] == in_order[f"silver.{damage.file}"]


@pytest.mark.integration
@each({name: damage for name, damage in HARMLESS.items() if damage.warning})
def test_a_warning_names_what_was_read_all_the_same(release, s3, damage):
    tables = [f"bronze.{damage.file}", f"silver.{damage.file}"]
    warnings = [finding["notes"] for table in tables for finding in failed(s3, release.run_id, table, "warning")]

    assert [notes for notes in warnings if notes.startswith(damage.warning)]


@pytest.mark.integration
def test_gold_is_that_of_the_files_before_the_damage(release, in_order, lake):
    gold = {table: rows for table, rows in contents(lake).items() if table in LAYERS["gold"]}

    assert gold == {table: in_order[table] for table in gold}
    assert sum(LONG in row["title"] for row in release.read("gold.movie_analytics").to_pylist()) == 1


@pytest.mark.integration
def test_every_line_is_in_silver_in_quarantine_or_collapsed(release):
    rows, lines = release.row_counts(), {name: text.count("\n") for name, text in FILES.items()}
    bad = Counter(damage.file for damage in QUARANTINED.values())

    assert {name: rows[f"bronze.{name}"] for name in FILES} == {
        name: text.count("\n") - 1 for name, text in harmed().items()
    }
    assert {name: rows[f"quarantine.{name}"] for name in FILES} == bad | {"ratings": bad["ratings"] + 1}  # 2nd header
    lonely = {"tags": 1}
    assert {name: rows[f"silver.{name}"] - lonely.get(name, 0) for name in FILES} == {
        name: count - 1 for name, count in lines.items()
    }
