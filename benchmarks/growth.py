"""How time and memory grow with depth, width, steps, seeds and the number of planned runs.

    PYTHONPATH=src python benchmarks/growth.py --axis width

Training: each point is a fork of one process that has torch and the data; what counts is its
processor time in the loop and what its peak memory gained over the start. Planning: a dry run of
Snakemake over a sweep (``benchmarks/planning.py``), less what a sweep of six runs takes.

What the exponents should be is derived in ``benchmarks/theory.py``.
"""

from command_line import run_script

import argparse
import json
import os
import resource
import sys
import time
from dataclasses import replace

from training_step import made_up_data

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.runs.feedforward import Run
from gradient_atlas.training.loop import train

BASE = Run("random", depth=20, width=64, epochs=1000, max_steps=64, learning_rate=0.001)
AXES = {
    "depth": (8, 16, 32, 64, 128),
    "width": (32, 64, 128, 256, 512),
    "steps": (32, 64, 128, 256, 512),
    "seeds": (1, 2, 4, 8, 16),
}
QUICK = {axis: values[:2] for axis, values in AXES.items()}


def point(axis: str, value: int) -> tuple[float, float]:
    """Processor seconds and MB of training at one point of an axis, in a fork of this process."""
    run = BASE if axis == "seeds" else replace(BASE, **{_KEYS.get(axis, axis): value})
    seeds = range(value if axis == "seeds" else 1)
    reads, writes = os.pipe()
    if (child := os.fork()) == 0:
        train(replace(BASE, depth=2, width=8, max_steps=2), _DATA, [0])  # maps the libraries again
        before, start = _peak(), time.process_time()
        train(run, _DATA, list(seeds))
        seconds = time.process_time() - start
        os.write(writes, json.dumps([seconds, _peak() - before]).encode())
        os._exit(0)
    os.close(writes)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reads) as pipe:
        answer = pipe.read()
    if status or not answer:
        raise RuntimeError(f"training at {axis} = {value} ended with status {status}")
    return tuple(json.loads(answer))


_KEYS = {"steps": "max_steps"}
_DATA = made_up_data()


def _peak() -> float:
    """MB of this process at its largest so far."""
    kilobyte = 1024 if sys.platform == "darwin" else 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / kilobyte / 1024


def main() -> None:
    """Print a JSON list of [axis, value, turn, seconds, MB], turns one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--axis", choices=AXES, nargs="+", default=list(AXES))
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="two points an axis")
    arguments = parser.parse_args()
    prepare_torch()
    train(replace(BASE, depth=2, max_steps=2), _DATA, [0])  # what torch does only once
    points = QUICK if arguments.quick else AXES
    found = [
        [axis, value, turn, *point(axis, value)]
        for turn in range(arguments.turns)
        for axis in arguments.axis
        for value in points[axis]
    ]
    print(json.dumps(found))


if __name__ == "__main__":
    run_script(main)
