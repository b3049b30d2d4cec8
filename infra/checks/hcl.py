"""Read a folder of Terraform: its blocks, and what their expressions refer to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcl2  # type: ignore[import-not-found]  # it is in an environment of its own

NESTED_LABELS = {"resource": 2, "data": 2, "ephemeral": 2, "module": 1, "variable": 1, "output": 1, "provider": 1}
OPTIONS = hcl2.SerializationOptions(with_comments=False)


@dataclass(frozen=True)
class Block:
    """A block at the top of a file: ``resource "aws_vpc" "lakehouse" { ... }``.

    In ``body`` a quoted string keeps its quotes, an expression is ``${...}``, and a nested block is in a list and has
    the key ``__is_block__``.
    """

    folder: str
    file: str
    kind: str
    labels: tuple[str, ...]
    body: dict[str, Any]

    @property
    def address(self) -> str:
        """How expressions of the same module name it, such as ``data.aws_ami.debian`` or ``var.region``."""
        prefix = {"resource": "", "variable": "var."}.get(self.kind, f"{self.kind}.")
        return prefix + ".".join(self.labels)

    def finding(self, problem: str) -> str:
        return f"{self.file}: {self.address}: {problem}"


def read(root: Path) -> list[Block]:
    """All blocks of a folder and those below; each local value is a block of its own.

    Raises:
        ValueError: a file is no HCL.
    """
    found: list[Block] = []
    for path in sorted(root.rglob("*.tf")):
        file, folder = path.relative_to(root).as_posix(), path.parent.relative_to(root).as_posix()
        try:
            parsed = hcl2.loads(path.read_text(), serialization_options=OPTIONS)
        except Exception as error:
            raise ValueError(f"{file}: {error}") from error
        for kind, blocks in parsed.items():
            for block in blocks if isinstance(blocks, list) else []:
                for labels, body in unlabelled(block, NESTED_LABELS.get(kind, 0)):
                    if kind == "locals":
                        values = {name: value for name, value in body.items() if name != "__is_block__"}
                        found += [Block(folder, file, "local", (name,), {"value": v}) for name, v in values.items()]
                    else:
                        found.append(Block(folder, file, kind, labels, body))
    return found


def unlabelled(block: dict[str, Any], depth: int) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    if depth == 0:
        yield (), block
        return
    for label, inner in block.items():
        if label != "__is_block__":
            for labels, body in unlabelled(inner, depth - 1):
                yield (literal(label), *labels), body


def is_block(value: object) -> bool:
    """Whether a value of a body is a nested block, or several of one name."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and "__is_block__" in value[0]


def nested(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The nested blocks of a name."""
    return body[name] if is_block(body.get(name)) else []


def literal(value: object) -> Any:
    """A quoted string without its quotes, everything else as it is."""
    return value[1:-1] if isinstance(value, str) and value[:1] == '"' else value


def texts(value: object) -> Iterator[str]:
    """Every string inside a value, names of attributes too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def arguments(call: str, name: str) -> Iterator[list[str]]:
    """The arguments of each call of a function in an expression, as text."""
    for match in re.finditer(rf"\b{name}\(", call):
        yield split(call[match.end() :])


def split(text: str) -> list[str]:
    """The parts between commas up to the bracket that closes what was opened before the text."""
    depth, quoted, parts = 0, False, [""]
    for character in text:
        quoted ^= character == '"'
        if not quoted:
            depth += (character in "([{") - (character in ")]}")
            if depth < 0:
                break
            if character == "," and depth == 0:
                parts.append("")
                continue
        parts[-1] += character
    return [part.strip() for part in parts if part.strip()]
