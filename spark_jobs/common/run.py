"""What a run is: its name, its data, its months. Passed from task to task as JSON."""

import hashlib
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, Self

from spark_jobs.common.months import Months


@dataclass(frozen=True)
class Run:
    """One run of the pipeline.

    ``run_id`` is Airflow's, ``dataset`` and ``version`` name the landed data, ``started_at`` (UTC) stands in every row
    that the run ingests, so that a retry writes the same rows. ``code_version`` is the commit, if known. A ``replay``
    judges again what a load has brought in, a ``stream`` run takes up messages.
    """

    run_id: str
    dataset: str
    version: str
    months: Months
    started_at: datetime
    top_movies_min_ratings: int = 50
    code_version: str = "unknown"
    kind: Literal["load", "replay", "stream"] = "load"

    @property
    def dataset_version(self) -> str:
        return f"{self.dataset}@{self.version}"

    @property
    def branch(self) -> str:
        """The Iceberg branch of this run: readable, free of characters that SQL would need quoted, and unique."""
        digest = hashlib.sha256(self.run_id.encode()).hexdigest()[:8]
        return f"run_{re.sub(r'[^A-Za-z0-9]+', '_', self.run_id)}_{digest}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"months": self.months.to_json(), "started_at": self.started_at.isoformat()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        months, started_at = Months.from_json(value["months"]), datetime.fromisoformat(value["started_at"])
        return cls(**value | {"months": months, "started_at": started_at})
