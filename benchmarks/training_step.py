"""Time of a training step here beside a plain PyTorch loop with and without a gradient monitor.

    PYTHONPATH=src python benchmarks/training_step.py

All train the same network, a ReLU perceptron with He initialisation, on one thread; what is
compared is processor time. "bare" is a ``torch.nn.Sequential`` with ``torch.optim.SGD`` and nothing
else; "monitored" adds what people write to watch gradients: a hook on every parameter that takes
its norm and an ``.item()`` on it and on the loss. Ours looks at each step for divergence, and at
the steps that ``log_steps`` names measures every layer on 256 examples and the loss on 2,000;
"unlogged" is ours without these. Each runs in a process of its own, in turn, since the plain loops
take the arithmetic that torch chooses and ours the portable one.
"""

import command_line  # noqa: F401

import argparse
import os
import statistics
import subprocess
import sys
import time
from itertools import pairwise

import torch
from torch import nn

from gradient_atlas import arithmetic
from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.datasets.load import Data
from gradient_atlas.runs.feedforward import Run
from gradient_atlas.training import loop

INPUTS, CLASSES, EXAMPLES = 784, 10, 4000


def plain_loop(run: Run, data: Data, steps: int, monitored: bool) -> None:
    """Train as a tutorial does."""
    torch.manual_seed(0)
    sizes = [INPUTS, *[run.width] * (run.depth - 1), CLASSES]
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    for parameter in model.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter)
        else:
            nn.init.zeros_(parameter)
    record: list[float] = []
    if monitored:
        for parameter in model.parameters():
            parameter.register_hook(lambda gradient: record.append(gradient.norm().item()))
    optimizer = torch.optim.SGD(model.parameters(), lr=run.learning_rate)
    loss_function = nn.CrossEntropyLoss()
    for step in range(steps):
        rows = torch.randint(EXAMPLES, (run.batch_size,))
        optimizer.zero_grad()
        loss = loss_function(model(data.train_inputs[rows]), data.train_labels[rows])
        loss.backward()
        optimizer.step()
        if monitored:
            record.append(loss.item() + step)


WAYS = {"bare": "native", "monitored": "native", "ours": "portable", "unlogged": "portable"}


def milliseconds(way: str, run: Run) -> float:
    """Processor time of a step, the second time that the work is done."""
    prepare_torch()
    generator = torch.Generator().manual_seed(0)
    data = Data(
        train_inputs=torch.randn(EXAMPLES, INPUTS, generator=generator),
        train_labels=torch.randint(CLASSES, (EXAMPLES,), generator=generator),
        test_inputs=torch.randn(1000, INPUTS, generator=generator),
        test_labels=torch.randint(CLASSES, (1000,), generator=generator),
        classes=CLASSES,
        sha256="",
    )
    steps = run.epochs * (EXAMPLES // run.batch_size)
    if way == "unlogged":
        loop.log_steps = lambda *_: set()
    taken = 0.0
    for _ in range(2):
        start = time.process_time()
        if way in ("bare", "monitored"):
            plain_loop(run, data, steps, monitored=way == "monitored")
        else:
            loop.train(run, data, [0])
        taken = time.process_time() - start
    return taken / steps * 1e3


def main() -> None:
    """Print milliseconds a step and ratios to the bare loop of the same turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--depth", type=int, default=50)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=5, help="of 31 steps each")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--way", choices=WAYS, help="measure one way alone, in this process")
    arguments = parser.parse_args()
    if arguments.way:
        size = {"depth": arguments.depth, "width": arguments.width, "epochs": arguments.epochs}
        print(milliseconds(arguments.way, Run("random", learning_rate=0.01, **size)))
        return
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(arguments.repeats):
        for way, setting in WAYS.items():
            command = [sys.executable, __file__, *sys.argv[1:], "--way", way]
            chosen = os.environ | {arithmetic.CHOICE: setting}
            done = subprocess.run(command, env=chosen, capture_output=True, text=True, check=True)
            times[way].append(float(done.stdout))
    for way, found in times.items():
        ratios = [own / bare for own, bare in zip(found, times["bare"], strict=True)]
        print(
            f"{way:10s} {statistics.median(found):7.2f} ms a step   "
            f"{statistics.median(ratios):.2f} x bare ({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
