"""As a notebook does it: a loop, ``p.grad.norm().item()`` for each parameter, rows of a CSV."""

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import torch
import work
from torch import nn


def train(arguments: argparse.Namespace) -> None:
    """Train and log."""
    model = work.perceptron(arguments)
    optimizer = torch.optim.SGD(model.parameters(), lr=arguments.learning_rate)
    loss_function = nn.CrossEntropyLoss()
    batches = work.loader(arguments)
    step = 0
    with (arguments.output / "norms.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["step", "loss", "parameter", "norm"])
        for _ in range(arguments.epochs):
            for images, labels in batches:
                optimizer.zero_grad()
                loss = loss_function(model(images), labels)
                loss.backward()
                if step in arguments.logged:
                    for name, p in model.named_parameters():
                        writer.writerow([step, loss.item(), name, p.grad.norm().item()])
                optimizer.step()
                step += 1


def norms(folder: Path) -> dict[int, list[float]]:
    """Norms of the weights' gradients by step, as the file says."""
    found = defaultdict(list)
    with (folder / "norms.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["parameter"].endswith("weight"):
                found[int(row["step"])].append(float(row["norm"]))
    return found


if __name__ == "__main__":
    work.run(train, norms, __doc__)
