"""What the blocks of a configuration refer to must be there, and what is there must be of use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

from infra.checks.hcl import Block, arguments, literal, split, texts
from infra.checks.provider_schema import attributes

EXPRESSION = re.compile(
    r"(?<![\w.\"])(?:(var|local)\.(\w+)|module\.(\w+)\.(\w+)"
    r"|(?:(data|ephemeral)\.)?((?:aws|random)_\w+)\.(\w+)(?:\[[^\]]*\])?(?:\.(\w+))?)"
)
CALL_ARGUMENTS = {"source", "version", "providers", "count", "for_each", "depends_on", "__is_block__"}

attributes_of = cache(attributes)


def check(root: Path, blocks: list[Block]) -> Iterator[str]:
    """Findings: references to nothing, calls of modules and templates that do not fit, and what nobody uses."""
    folders = {block.folder for block in blocks}
    for folder in sorted(folders):
        module = [block for block in blocks if block.folder == folder]
        yield from references(module, blocks)
        for block in module:
            yield from files(root, block, module)
            if block.kind == "module":
                yield from call(block, blocks)


def references(module: list[Block], blocks: list[Block]) -> Iterator[str]:
    declared = {block.address: block for block in module}
    used = set()
    for block in module:
        for found in EXPRESSION.finditer("\n".join(texts(block.body))):
            value, name, called, output, prefix, type_, label, attribute = found.groups()
            if value:
                address = f"{value}.{name}"
            elif called:
                address = f"module.{called}"
            else:
                address = f"{prefix}.{type_}.{label}" if prefix else f"{type_}.{label}"
            used.add(address)
            if address not in declared:
                yield block.finding(f"there is no {address}")
            elif called and output not in names("output", target(declared[address]), blocks):
                yield block.finding(f"module {called} has no output {output}")
            elif attribute and attribute not in attributes_of(declared[address].kind, type_):
                yield block.finding(f"{address} has no attribute {attribute}")
    for address, block in declared.items():
        if block.kind in ("variable", "local", "data", "ephemeral") and address not in used:
            yield block.finding("nobody uses it")


def call(block: Block, blocks: list[Block]) -> Iterator[str]:
    """Findings about the call of a module: the variables that it passes."""
    folder = target(block)
    variables = {found.labels[0]: found.body for found in blocks if found.kind == "variable" and found.folder == folder}
    given = block.body.keys() - CALL_ARGUMENTS
    yield from (block.finding(f"{folder} has no variable {name}") for name in sorted(given - variables.keys()))
    for name, variable in variables.items():
        if "default" not in variable and name not in given:
            yield block.finding(f"variable {name} of {folder} is missing")


def target(block: Block) -> str:
    """The folder of a called module."""
    parts: list[str] = []
    for part in PurePosixPath(block.folder, literal(block.body["source"])).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def names(kind: str, folder: str, blocks: list[Block]) -> set[str]:
    return {block.labels[0] for block in blocks if block.kind == kind and block.folder == folder}


def files(root: Path, block: Block, module: list[Block]) -> Iterator[str]:
    """Findings about the files that a block reads, and about the names that it fills into templates."""
    for text in texts(block.body):
        for name, *_ in arguments(text, "file"):
            if not path_of(root, block, name).exists():
                yield block.finding(f"there is no file {name}")
        for name, values in arguments(text, "templatefile"):
            path = path_of(root, block, name)
            if not path.exists():
                yield block.finding(f"there is no file {name}")
                continue
            wanted = set(re.findall(r"\$\{(\w+)\}", path.read_text()))
            given = keys(values, module)
            for problem, which in (("does not get", wanted - given), ("does not use", given - wanted)):
                yield from (block.finding(f"{path.name} {problem} {value}") for value in sorted(which))


def path_of(root: Path, block: Block, quoted: str) -> Path:
    folders = {"${path.root}": root, "${path.module}": root / block.folder}
    folder, _, rest = quoted.strip('"').partition("/")
    return folders.get(folder, root) / rest


def keys(values: str, module: list[Block]) -> set[str]:
    """The names in an object, or in the local value that an expression names."""
    if values.startswith("local."):
        found = [block.body["value"] for block in module if block.address == values]
        return set(found[0]) if found and isinstance(found[0], dict) else set()
    return {part.split("=")[0].strip() for part in split(values[1:])}
