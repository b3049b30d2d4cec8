"""What is known about a landed dataset version, as kept in its ``manifest.json``."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Manifest:
    """A landed dataset version. Every field is plain data, so ``asdict(manifest)`` can go through JSON and XCom.

    ``files``: by file name ``bytes``, ``sha256``, ``rows``, ``malformed`` and ``blank`` (lines; with the header they
    add up to all lines of the file) and ``unexpected_columns`` (names). ``months``: rows by table and UTC month
    ("1996-03"). ``unknown_month``: rows by table without a readable timestamp, malformed ones included. ``digests``: by
    table and month, of the rows as received; equal ones mean equal rows. ``landed_at``: UTC, ISO 8601. ``objects``:
    number of Parquet files.
    """

    dataset: str
    version: str
    synthetic: bool
    landed_at: str
    files: dict[str, dict[str, Any]]
    months: dict[str, dict[str, int]]
    unknown_month: dict[str, int]
    objects: int
    digests: dict[str, dict[str, str]] = field(default_factory=dict)

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), indent=2).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes) -> "Manifest":
        return cls(**json.loads(text))
