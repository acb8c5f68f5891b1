"""How fast this machine is, in a second: the time of a pinned product, and of a loop of Python.

    python workflow/calibration.py

prints both as JSON. Jobs are part one, part the other.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import command_line  # noqa: F401

import numpy as np

SECONDS = 0.5  # of each


def best(work: Callable[[], object]) -> float:
    """Seconds of the fastest of as many repetitions as fit: what a busy machine does not change."""
    end, found = time.perf_counter() + SECONDS, float("inf")
    while (start := time.perf_counter()) < end:
        work()
        found = min(found, time.perf_counter() - start)
    return found


def loop() -> int:
    """What an interpreter does all day: names, numbers, calls."""
    total = 0
    for number in range(100_000):
        total += number % 7
    return total


def main() -> None:
    """Measure and print."""
    matrix = np.ones((512, 512), dtype=np.float32)
    print(json.dumps({"product": best(lambda: matrix @ matrix), "loop": best(loop)}))


if __name__ == "__main__":
    main()
