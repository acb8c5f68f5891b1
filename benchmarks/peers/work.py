"""The work that every peer does: its command line, images, network and what it says at its end.

A peer is one file here, written as its users write it, and is started as a process of its own:

    python benchmarks/peers/notebook.py --images results/datasets/mnist_5k --logged 0 1 2 4 ...

It trains on the images that the project trains on, writes the norm of each parameter's gradient at
the logged steps into a file in its library's own format, and prints its processor seconds and the
norms as JSON.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms


class Images(Dataset):
    """The images (N, 28, 28) uint8 and labels (N,) of a folder, each transformed when asked for."""

    def __init__(self, folder: Path, examples: int | None) -> None:
        self.images = np.load(folder / "train_images.npy")[:examples]
        self.labels = np.load(folder / "train_labels.npy")[:examples]
        facts = json.loads((folder / "dataset.json").read_text())
        self.transform = transforms.Compose(
            [
                transforms.ToTensor(),
                transforms.Normalize((facts["mean"],), (facts["standard_deviation"],)),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(self.images[index]), int(self.labels[index])


def read_arguments(description: str | None) -> argparse.Namespace:
    """What each peer is told; ``logged`` becomes a set of steps."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--images", type=Path, required=True, help="folder of a prepared data set")
    parser.add_argument("--output", type=Path, required=True, help="folder for what it logs")
    parser.add_argument("--logged", type=int, nargs="+", required=True, help="steps to log")
    parser.add_argument("--depth", type=int, default=50)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--learning-rate", type=float, default=0.01)
    parser.add_argument("--examples", type=int, help="the first so many (default: all)")
    parser.add_argument("--every-step", action="store_true", help="log at all steps (Lightning)")
    parser.add_argument("--weights", type=Path, help="start from these, and do not shuffle")
    arguments = parser.parse_args()
    arguments.logged = set(arguments.logged)
    arguments.output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    return arguments


def loader(arguments: argparse.Namespace) -> DataLoader:
    """Minibatches as torch's tutorials draw them."""
    return DataLoader(
        Images(arguments.images, arguments.examples),
        batch_size=arguments.batch_size,
        shuffle=arguments.weights is None,
        drop_last=True,
    )


def perceptron(arguments: argparse.Namespace) -> nn.Sequential:
    """ReLU, He's initialisation, biases at 0; or the file's weights, one array a layer."""
    sizes = [784, *[arguments.width] * (arguments.depth - 1), 10]
    layers: list[nn.Module] = [nn.Flatten()]
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    given = np.load(arguments.weights) if arguments.weights else None
    for number, layer in enumerate(m for m in model if isinstance(m, nn.Linear)):
        if given is None:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        else:
            layer.weight.data = torch.from_numpy(given[str(number)])
        nn.init.zeros_(layer.bias)
    return model


def run(
    train: Callable[[argparse.Namespace], None],
    norms: Callable[[Path], Mapping[int, Sequence[float]]],
    description: str | None,
) -> None:
    """Train; print processor seconds and the weights' gradient norms, read from its file.

    ``norms`` reads the folder of ``--output``: at each step one norm a layer, l = 1 first.
    """
    arguments = read_arguments(description)
    start = time.process_time()
    train(arguments)
    seconds = time.process_time() - start
    print(json.dumps({"loop_seconds": seconds, "norms": norms(arguments.output)}))
