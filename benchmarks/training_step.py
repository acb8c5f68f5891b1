"""Time of a training step here beside a plain PyTorch loop with and without a gradient monitor.

    PYTHONPATH=src python benchmarks/training_step.py

All three train the same network, a ReLU perceptron with He initialisation, on one thread; what is
compared is processor time. "bare" is a ``torch.nn.Sequential`` with ``torch.optim.SGD`` and nothing
else; "monitored" adds what people write to watch gradients: a hook on every parameter that takes
its norm and an ``.item()`` on it and on the loss. Ours looks at each step for divergence, and at
the steps that ``log_steps`` names measures every layer on 256 examples and the loss on 2,000.
"""

import argparse
import statistics
import time
from itertools import pairwise

import torch
from torch import nn

from gradient_atlas.arithmetic import prepare_torch
from gradient_atlas.datasets.load import Data
from gradient_atlas.runs.feedforward import Run
from gradient_atlas.training.loop import train

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


def main() -> None:
    """Print milliseconds a step, the median of the repeats, and ratios to the bare loop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--depth", type=int, default=50)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=15, help="of 31 steps each")
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
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
    run = Run(
        "random",
        depth=arguments.depth,
        width=arguments.width,
        epochs=arguments.epochs,
        learning_rate=0.01,
    )
    steps = arguments.epochs * (EXAMPLES // run.batch_size)
    ways = {
        "bare": lambda: plain_loop(run, data, steps, monitored=False),
        "monitored": lambda: plain_loop(run, data, steps, monitored=True),
        "ours": lambda: train(run, data, [0]),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.repeats + 1):
        for name, work in ways.items():
            start = time.process_time()
            work()
            times[name].append((time.process_time() - start) / steps * 1e3)
    # The first repeat warms up caches and imports and does not count.
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    for name, median in medians.items():
        print(f"{name:10s} {median:7.2f} ms a step   {median / medians['bare']:.2f} x bare")


if __name__ == "__main__":
    main()
