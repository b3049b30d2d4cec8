"""Check a folder of Terraform without an account: ``.venv-checks/requirements/bin/python -m infra.checks.terraform``.

Prints a line a finding, and ends with 1 when there is one.
"""

from __future__ import annotations

import sys
from pathlib import Path

from infra.checks import policies, promises, provider_schema, references
from infra.checks.hcl import read


def findings(root: Path) -> list[str]:
    blocks = read(root)
    return [
        *provider_schema.check(blocks),
        *references.check(root, blocks),
        *promises.check(blocks),
        *policies.check(root / "policies"),
    ]


if __name__ == "__main__":
    found = findings(Path(sys.argv[1] if len(sys.argv) > 1 else "infra/terraform"))
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))
