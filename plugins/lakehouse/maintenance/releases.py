"""Forget old releases: their rows in ``ops.releases``, then the tags that keep their snapshots.

In this order a run that is stopped leaves tags of a release that nobody is offered any more, and the next one finds
them. The pages and exports of a release stay: an address that was handed out stays valid.
"""

import logging
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import In
from pyiceberg.table import Table

from lakehouse.branches import decided_anew
from lakehouse.maintenance import Plan, all_tables
from lakehouse.serving import RELEASES, Release, list_releases

log = logging.getLogger(__name__)

RELEASE_ID = re.compile(r"(?P<started_at>\d{8}T\d{6})Z-[0-9a-f]{8}")


def forget_old_releases(catalog: Catalog, plan: Plan) -> list[str]:
    """Forget the releases that are neither among the latest nor new, nor what the current one was restored from."""
    try:
        releases = list_releases(catalog)
    except NoSuchTableError:
        return []
    old = old_releases(releases, plan)
    done = [f"{release.release_id} of {release.dataset}" for release in old]
    if old and not plan.dry_run:
        _delete_rows(catalog.load_table(RELEASES), [release.release_id for release in old])
    known = {release.release_id for release in releases if release not in old}
    for name, table in all_tables(catalog).items():
        if gone := [tag for tag in table.refs() if tag not in known and _is_old(tag, plan)]:
            done.append(f"{name}: {len(gone)} tags")
            if not plan.dry_run:
                _drop_tags(table, gone)
    for line in done:
        log.info(line)
    return done


def old_releases(releases: Sequence[Release], plan: Plan) -> list[Release]:
    """Of all releases, the latest first, those to forget."""
    restored_from = releases[0].restored_from if releases else None
    return [
        release
        for release in releases[max(plan.keep_releases, 1) :]
        if release.created_at.replace(tzinfo=UTC) < plan.releases_before and release.release_id != restored_from
    ]


def _is_old(tag: str, plan: Plan) -> bool:
    """Whether a tag is that of a release of a run that began long ago: one that is being made has tags before a row."""
    parts = RELEASE_ID.fullmatch(tag)
    if parts is None:
        return False
    started_at = datetime.strptime(parts["started_at"], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return started_at < plan.releases_before


@decided_anew
def _delete_rows(releases: Table, release_ids: list[str]) -> None:
    releases.refresh().delete(In(term="release_id", literals=set(release_ids)))


@decided_anew
def _drop_tags(table: Table, tags: list[str]) -> None:
    left = [tag for tag in tags if tag in table.refresh().refs()]
    if left:
        with table.manage_snapshots() as snapshots:
            for tag in left:
                snapshots.remove_tag(tag)
