"""This project's training loop alone: prints its processor seconds and its first norms.

    PYTHONPATH=src python benchmarks/own_loop.py --dataset results/datasets/mnist_5k --run '{...}'

``benchmarks/contest.py`` starts it; with ``--weights`` the initial weights go into a file, for the
peers to start from.
"""

from command_line import Json

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.datasets.load import load
from gradient_atlas.networks.feedforward import PRECISIONS, FeedForward
from gradient_atlas.runs.feedforward import parse_run
from gradient_atlas.training.loop import train
from gradient_atlas.training.minibatches import generators

SEED = 0


def main() -> None:
    """Train once; say how long it took, and each layer's weight gradient norm at step 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", action=Json, required=True)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--weights", type=Path, help="file to write (.npz)")
    arguments = parser.parse_args()
    run = parse_run(arguments.run)
    prepare_torch()
    data = load(arguments.dataset, PRECISIONS[run.precision], run.training_examples)
    if arguments.weights:
        network = FeedForward(run, data.train_inputs.shape[1], data.classes, generators(SEED)[0])
        weights = {str(n): w.detach().numpy() for n, w in enumerate(network.weights)}
        np.savez(arguments.weights, **weights)
    start = time.process_time()
    rows = train(run, data, [SEED])
    seconds = time.process_time() - start
    if rows.metrics["status"][-1] != "ok":
        sys.exit("training diverged, and so ended early")
    norms = list(map(float, rows.gradients["weight_gradient_norm"][: run.depth]))
    print(json.dumps({"loop_seconds": seconds, "norms": norms}))


if __name__ == "__main__":
    main()
