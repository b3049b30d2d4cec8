"""What the pages for people name must exist."""

import re
from pathlib import Path

import pytest

from infra.files import REPOSITORY
from infra.local.config import Stack
from tests.docs.pages import PAGES, code_of, programs

FOLDERS = ("dags", "docs", "expectations", "infra", "plugins", "spark_jobs", "tests", ".ci")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())


def test_there_are_pages():
    names = {page.name for page in PAGES}

    assert names >= {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "runbook.md", "data-guidelines.md", "tables.md"}


@every_page
def test_commands_are_targets_of_the_makefile(page):
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    named = {target for code in code_of(page) for target in re.findall(r"^make ([a-z-]+)", code, re.MULTILINE)}

    assert named <= targets


@every_page
def test_links_lead_somewhere(page):
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "://" not in link and not (target.exists() and (not heading or heading in headings(target))):
            broken.append(link)

    assert broken == []


def headings(page: Path) -> list[str]:
    """The headings of a page as its links name them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in found]


@every_page
def test_paths_of_the_tree_exist(page):
    named = {path for code in code_of(page) for path in re.findall(r"(?<![\w/.])[\w.]+(?:/[\w.<>*-]+)+/?", code)}
    of_the_tree = {path for path in named if path.split("/")[0] in FOLDERS and not set("<>*") & set(path)}

    assert [path for path in sorted(of_the_tree) if not (REPOSITORY / path).exists()] == []


@every_page
def test_python_programs_compile_and_read_tables_that_exist(page):
    contracts = {path.stem.replace("_", ".", 1) for path in (REPOSITORY / "spark_jobs" / "contracts").glob("*.sql")}
    for code in programs(page):
        compile(code, page.name, "exec")
    code = "\n".join(programs(page))
    tables = set(re.findall(r"(?:load_table\('|FROM )(\w+\.\w+)", code))

    assert bool(tables) is bool(code)
    assert tables <= contracts


def test_the_programs_of_readme_and_runbook_are_found():
    counts = [len(programs(REPOSITORY / name)) for name in ("README.md", "docs/runbook.md")]

    assert counts == [1, 3]


def test_the_settings_are_those_that_the_code_reads():
    read = set()
    for path in (REPOSITORY / "plugins" / "lakehouse").rglob("*.py"):
        read |= set(re.findall(r"\b(?:setting\(\s*|get_variable\()[\"'](?:lakehouse_)?(\w+)", path.read_text()))
    made_at_up = {name.removeprefix("lakehouse_") for name in Stack(Path("/state")).variables()}
    documented = set(re.findall(r"`lakehouse_(\w+)`", (REPOSITORY / "docs" / "data-guidelines.md").read_text()))

    assert documented == read
    assert documented >= made_at_up
