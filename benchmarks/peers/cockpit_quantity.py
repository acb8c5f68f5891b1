"""Cockpit (Schneider, Dangel, Hennig, 2021) with its quantity ``GradNorm``, written to its JSON."""

import argparse
import contextlib
import io
import json
import warnings
from pathlib import Path

import torch
import work
from backpack import extend
from cockpit import Cockpit
from cockpit.quantities import GradNorm
from torch import nn


def train(arguments: argparse.Namespace) -> None:
    """Train and track, as Cockpit's first example does."""
    warnings.filterwarnings("ignore")
    model = extend(work.perceptron(arguments))
    loss_function = extend(nn.CrossEntropyLoss())
    optimizer = torch.optim.SGD(model.parameters(), lr=arguments.learning_rate)
    quantity = GradNorm(track_schedule=lambda step: step in arguments.logged)
    cockpit = Cockpit(model.parameters(), quantities=[quantity])
    batches = work.loader(arguments)
    step = 0
    for _ in range(arguments.epochs):
        for images, labels in batches:
            optimizer.zero_grad()
            loss = loss_function(model(images), labels)
            info = {"batch_size": len(labels), "loss": loss, "optimizer": optimizer}
            with cockpit(step, info=info):
                loss.backward(create_graph=cockpit.create_graph(step))
            optimizer.step()
            step += 1
    with contextlib.redirect_stdout(io.StringIO()):
        cockpit.write(str(arguments.output / "norms"))


def norms(folder: Path) -> dict[int, list[float]]:
    """Norms of the weights' gradients by step, as the file says; biases stand between them."""
    logged = json.loads((folder / "norms.json").read_text())
    return {int(step): row["GradNorm"][::2] for step, row in logged.items() if "GradNorm" in row}


if __name__ == "__main__":
    work.run(train, norms, __doc__)
