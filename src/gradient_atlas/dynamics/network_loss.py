"""A fully connected network's training loss as a function of one flat parameter vector."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gradient_atlas.datasets.load import load
from gradient_atlas.dynamics.losses import Loss
from gradient_atlas.errors import InputError
from gradient_atlas.networks.activations import get_activation
from gradient_atlas.networks.products import linear


def network_loss(
    inputs: Tensor,
    labels: Tensor,
    hidden_widths: Sequence[int],
    seed: int,
    classes: int = 10,
    activation: str = "tanh",
) -> Loss:
    """L(θ) = (1/N) Σ_i ½ ‖f(x_i; θ) - onehot(y_i)‖², f a network with linear outputs.

    This is the normalisation of Cohen et al. (2021): half the squared distance, summed over the
    outputs, averaged over the examples. Another one would rescale sharpness and learning rate.
    Weights start at U(±1/√n_in) (their choice, PyTorch's default), biases at 0.

    Args:
        inputs: (N, n_in), float32 or float64: θ and every result have this precision.
        labels: (N,) int64, values 0 to ``classes`` - 1.
        hidden_widths: units of each hidden layer, nearest the input first; may be empty.
        seed: of the starting weights, which are drawn in float64 and then rounded.
        classes: number of outputs.
        activation: of the hidden layers; see ``networks.activations``.

    Returns:
        Loss named ``network``. θ is W^(1), b^(1), W^(2), b^(2), ... each flattened row by row,
        W^(l) of shape (n_out, n_in).

    Raises:
        InputError: inputs and labels differ in length, a label has no output, or a width < 1.
    """
    if inputs.ndim != 2 or labels.shape != inputs.shape[:1]:
        raise InputError(
            f"network loss: inputs {tuple(inputs.shape)} and labels {tuple(labels.shape)} do not "
            "match; they must be (N, n_in) and (N,)"
        )
    if int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise InputError(
            f"network loss: labels run from {int(labels.min())} to {int(labels.max())}; "
            f"with {classes} classes they must lie in 0 to {classes - 1}"
        )
    if any(width < 1 for width in hidden_widths):
        raise InputError(f"network loss: hidden_widths {list(hidden_widths)} must be 1 or more")
    sizes = [inputs.shape[1], *hidden_widths, classes]
    shapes = [shape for n_in, n_out in pairwise(sizes) for shape in ((n_out, n_in), (n_out,))]
    lengths = [math.prod(shape) for shape in shapes]
    phi = get_activation(activation)
    targets = torch.nn.functional.one_hot(labels, classes).to(inputs.dtype)

    def function(theta: Tensor) -> Tensor:
        pieces = theta.split(lengths)
        parameters = [piece.view(shape) for piece, shape in zip(pieces, shapes, strict=True)]
        a = inputs
        for layer in range(0, len(parameters) - 2, 2):
            a = phi(linear(a, parameters[layer], parameters[layer + 1]))
        residuals = linear(a, parameters[-2], parameters[-1]) - targets
        return 0.5 * residuals.square().sum() / len(targets)

    return Loss("network", function, _start(sizes, seed).to(inputs.dtype))


def network_losses(
    dataset: Path, settings: Mapping[str, Any]
) -> tuple[dict[int, Loss], dict[str, Any]]:
    """The losses of a section of the config that has a network, by seed, and what made them.

    Args:
        dataset: folder of a prepared data set.
        settings: ``examples``, ``precision``, ``hidden_widths``, ``seeds``, ``activation`` (tanh if
            there is none), and whatever else the section has, which goes into the provenance with
            them.

    Raises:
        InputError: as ``datasets.load.load`` and ``network_loss``.
    """
    data = load(dataset, getattr(torch, settings["precision"]), settings["examples"])
    networks = {
        seed: network_loss(
            data.train_inputs,
            data.train_labels,
            settings["hidden_widths"],
            seed,
            data.classes,
            settings.get("activation", "tanh"),
        )
        for seed in settings["seeds"]
    }
    run = {**settings, "dataset": dataset.name}
    return networks, {"run": run, "data": data.facts, "dataset_sha256": data.sha256}


def _start(sizes: Sequence[int], seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    pieces = []
    for n_in, n_out in pairwise(sizes):
        uniform = torch.rand(n_out * n_in, generator=generator, dtype=torch.float64)
        pieces += [(2.0 * uniform - 1.0) / math.sqrt(n_in), torch.zeros(n_out, dtype=torch.float64)]
    return torch.cat(pieces)
