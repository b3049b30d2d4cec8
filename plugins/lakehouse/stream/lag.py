"""Whether the stream keeps up, from what is kept of its batches."""

from itertools import pairwise
from operator import itemgetter

from pyiceberg.catalog import Catalog

BATCHES = "ops.stream_batches"


def growing_lag(catalog: Catalog, run_id: str, runs: int) -> list[int]:
    """The messages that waited at the end of each of the last ``runs`` runs, this being the last one of them.

    Empty where they did not get more from run to run.
    """
    columns = ("run_id", "lag", "published_at")
    batches = catalog.load_table(BATCHES).scan(selected_fields=columns).to_arrow().to_pylist()
    by_run = {each["run_id"]: each["lag"] for each in sorted(batches, key=itemgetter("published_at"))}
    lags = list(by_run.values())[-runs:]
    grows = all(before < after for before, after in pairwise(lags))
    return lags if len(lags) == runs and list(by_run)[-1] == run_id and grows else []
