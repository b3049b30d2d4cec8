"""The arguments and blocks that a Terraform provider has, and what a configuration does against them.

Terraform's own ``validate`` needs the provider, a program of 700 MB. The bindings of CDK for Terraform are generated
from the same schema, and their signatures can be read without running them.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from infra.checks.hcl import Block, is_block, literal

META = {"count", "for_each", "depends_on", "provider", "lifecycle", "__is_block__"}
OF_THE_BINDINGS = {"scope", "id_", "self", "connection", "provisioners"}
SIGNATURE = re.compile(r"^    def __init__\((.*?)\) -> None:(.*?)^        if ", re.DOTALL | re.MULTILINE)
PLAIN = {"string": "a string", "number": "a number", "bool": "true or false", "list": "a list", "map": "a map"}


@dataclass(frozen=True)
class Argument:
    """An argument or nested block; ``struct`` names the class of what is in it."""

    kind: str
    required: bool
    is_block: bool
    struct: str | None


Structs = dict[str, dict[str, Argument]]


def check(blocks: Iterable[Block]) -> Iterator[str]:
    """Findings: unknown types, arguments and blocks, missing ones, and values of the wrong type."""
    for block in blocks:
        if block.kind not in ("resource", "data", "ephemeral", "provider"):
            continue
        source = source_of(block.kind, block.labels[0])
        if source is None:
            yield block.finding("the provider has no such type")
            continue
        main, structs = schema(source)
        known = structs[main] | structs.get(f"{main}Config", {})
        yield from (block.finding(problem) for problem in compare(block.body, known, structs))


def source_of(kind: str, type_: str) -> Path | None:
    """The file of the bindings that describes a resource, data source or provider."""
    provider, _, name = type_.partition("_")
    package = importlib.util.find_spec(f"cdktf_cdktf_provider_{provider}")
    if package is None or package.origin is None:
        return None
    module = {"provider": "provider", "data": f"data_{type_}"}.get(kind, name)
    source = Path(package.origin).parent / module / "__init__.py"
    return source if source.exists() else None


@cache
def schema(source: Path) -> tuple[str, Structs]:
    """The name of the main class of a file, and the arguments of all its classes."""
    structs: Structs = {}
    for text in re.split(r"^class ", source.read_text(), flags=re.MULTILINE)[1:]:
        name = re.match(r"\w+", text)
        signature = SIGNATURE.search(text)
        if name and signature:
            structs[name[0]] = dict(arguments(*signature.groups()))
    return next(iter(structs)), structs


def arguments(signature: str, documentation: str) -> Iterator[tuple[str, Argument]]:
    blocks = set(re.findall(r":param (\w+): \w+ block\.", documentation))
    function = ast.parse(f"def f({signature}): pass").body[0]
    assert isinstance(function, ast.FunctionDef)  # noqa: S101  # the line above made it
    for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        name = argument.arg
        if name in OF_THE_BINDINGS | META:
            continue
        annotation = ast.unparse(argument.annotation) if argument.annotation else ""
        struct = re.search(r"'(\w+)'", annotation)
        yield (
            name.rstrip("_"),
            Argument(kind_of(annotation), default is None, name in blocks, struct and struct[1]),
        )


def kind_of(annotation: str) -> str:
    for part, kind in (("Sequence[", "list"), ("Mapping[", "map"), ("'", "struct"), ("Number", "number")):
        if part in annotation:
            return kind
    return "bool" if "builtins.bool" in annotation else "string"


def compare(body: dict[str, Any], known: dict[str, Argument], structs: Structs, path: str = "") -> Iterator[str]:
    """Problems of a body, each with the path of the argument."""
    given = {name: value for name, value in body.items() if name not in META}
    for dynamic in given.pop("dynamic", []):
        for name, block in dynamic.items():
            if name != "__is_block__":
                given[literal(name)] = block["content"]
    for name, argument in known.items():
        if argument.required and name not in given:
            yield f"{path}{name} is missing"
    for name, value in given.items():
        if name not in known:
            yield f"there is no {'block' if is_block(value) else 'argument'} {path}{name}"
            continue
        argument = known[name]
        if is_block(value) != argument.is_block:
            yield f"{path}{name} is {'a block' if argument.is_block else 'an argument, no block'}"
        elif is_block(value) and argument.struct:
            if len(value) > 1 and argument.kind == "struct":
                yield f"{path}{name} may be given once"
            for inner in value:
                yield from compare(inner, structs[argument.struct], structs, f"{path}{name}.")
        elif argument.kind in PLAIN and not fits(value, argument.kind):
            yield f"{path}{name} must be {PLAIN[argument.kind]}"


def fits(value: Any, kind: str) -> bool:
    """Whether a literal can be of a kind; what an expression gives is not known."""
    if isinstance(value, str) and "${" in value:
        return True
    if isinstance(value, (list, dict)):
        return kind == ("list" if isinstance(value, list) else "map")
    if kind == "bool":
        return value is True or value is False or literal(value) in ("true", "false")
    if kind == "number":
        return not isinstance(value, bool) and re.fullmatch(r"-?[\d.]+(e\d+)?", str(literal(value))) is not None
    return kind == "string"


def attributes(kind: str, type_: str) -> set[str]:
    """What expressions may read of a resource or data source."""
    source = source_of(kind, type_)
    return (
        set(re.findall(r"@builtins\.property.*?\n    def (\w+)\(self\)", source.read_text(), re.S)) if source else set()
    )
