"""Time the stages of one contestant: ``python -m benchmarks.timing <module> <dataset folder> <output folder>``.

Seconds by stage go to ``seconds.json`` in the output folder. The time until the contestant names a stage is that
stage's; what it does after the last one does not count.
"""

import json
import sys
import time
from importlib import import_module
from pathlib import Path


def main(module: str, dataset: Path, output: Path) -> None:
    seconds = {}
    began = time.monotonic()
    for stage in import_module(f"benchmarks.{module}").stages(dataset, output):
        seconds[stage] = time.monotonic() - began
        began = time.monotonic()
    (output / "seconds.json").write_text(json.dumps(seconds))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
