"""List the releases of the local stack's lake: what each one is, and how to see the tables as they were."""

from __future__ import annotations

import os
import sys

from infra.local.config import Stack

COLUMNS = "{:<28} {:<9} {:<20} {:<36} {:>12} {:<28} {}"


def main() -> int:
    os.environ["PYICEBERG_HOME"] = str(Stack.from_environment().state)  # before pyiceberg is imported
    from pyiceberg.catalog import load_catalog

    from lakehouse.serving import list_releases

    releases = list_releases(load_catalog("lake"))
    if not releases:
        print("The lake has no release yet: `make run` makes the first one.")
        return 0
    print(COLUMNS.format("release", "kind", "made at (UTC)", "dataset", "ratings", "restored from", "quality"))
    for release in releases:
        ratings = f"{release.row_counts()['silver.ratings']:,}"
        print(
            COLUMNS.format(
                *(release.release_id, release.kind, f"{release.created_at:%Y-%m-%d %H:%M:%S}", release.dataset),
                *(ratings, release.restored_from or "", release.quality_status),
            )
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
