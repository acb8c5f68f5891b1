"""The training loss of any network as a function of one flat parameter vector."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.backends import cuda as attention
from torch.nn import functional

from gradient_atlas.datasets.load import as_images, image_shape, load
from gradient_atlas.dynamics.losses import Loss
from gradient_atlas.dynamics.perceptron_loss import PerceptronLoss, is_covered
from gradient_atlas.errors import InputError
from gradient_atlas.networks.architectures import Activation, build
from gradient_atlas.networks.layers import Linear

Criterion = Callable[[Tensor, Tensor], Tensor]


def half_squared_distance(outputs: Tensor, targets: Tensor) -> Tensor:
    """(1/N) Σ_i ½ ‖f(x_i) - y_i‖² of outputs and targets (N, classes).

    This is the normalisation of Cohen et al. (2021): half the squared distance, summed over the
    outputs, averaged over the examples. Another one would rescale sharpness and learning rate.
    """
    return 0.5 * (outputs - targets).square().sum() / len(targets)


def module_loss(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    criterion: Criterion = half_squared_distance,
    name: str = "network",
) -> Loss:
    """L(θ) = criterion(f(inputs; θ), targets), f the module with its parameters replaced by θ.

    The same as by ``torch.func.functional_call``, which looks for every parameter's place at each
    call, and takes 20 µs for it where a small network's gradient takes 300; here that is done once.

    Args:
        model: a network whose output depends on its parameters and inputs alone. It is used in the
            mode (``train`` or ``eval``) that it is in; its parameters stay as they are.
        inputs: what it is called with, in the precision of its parameters.
        targets: what ``criterion`` compares its outputs with.
        criterion: a scalar of outputs and targets.
        name: what errors call the loss.

    Returns:
        A loss that starts at the module's parameters. θ is each trained parameter in the order of
        ``model.parameters()``, flattened row by row; a shared one is there once.

    Raises:
        InputError: the module has no trained parameter, keeps views of them as recurrent layers do,
            or gives two losses for one θ, as dropout does.
    """
    places: dict[int, tuple[Tensor, list[tuple[dict[str, Any], str]]]] = {}
    for module in model.modules():
        if isinstance(module, nn.RNNBase):
            raise InputError(f"{name} loss: {type(module).__name__} keeps its own views of weights")
        owned: dict[str, Any] = module._parameters
        for key, value in owned.items():
            if value is not None and value.requires_grad:
                places.setdefault(id(value), (value, []))[1].append((owned, key))
    parameters = [value for value, _ in places.values()]
    if not parameters:
        raise InputError(f"{name} loss: {type(model).__name__} has no parameter to train")
    shapes, lengths = [p.shape for p in parameters], [p.numel() for p in parameters]
    found = [at for _, at in places.values()]

    def put(values: Sequence[Tensor]) -> None:
        for value, at in zip(values, found, strict=True):
            for owner, key in at:
                owner[key] = value

    def function(theta: Tensor) -> Tensor:
        pieces = zip(theta.split(lengths), shapes, strict=True)
        put([piece.view(shape) for piece, shape in pieces])
        fused = attention.flash_sdp_enabled()
        attention.enable_flash_sdp(False)  # fused attention, on any processor: it has no ∇²
        try:
            return criterion(model(inputs), targets)
        finally:
            attention.enable_flash_sdp(fused)
            put(parameters)

    start = torch.cat([p.detach().reshape(-1) for p in parameters])
    with torch.no_grad():
        first, second = float(function(start)), float(function(start))
    # Not to the last bit, which with some products hangs on where in memory a tensor lies.
    if math.isfinite(first) and not math.isclose(first, second, rel_tol=1e-4):
        raise InputError(
            f"{name} loss: the same parameters give {first:g} and {second:g}; the network must be "
            "a function of them, without dropout or any other chance"
        )
    return Loss(name, function, start)


def network_loss(
    inputs: Tensor,
    labels: Tensor,
    hidden_widths: Sequence[int],
    seed: int,
    classes: int = 10,
    activation: str = "tanh",
) -> Loss:
    """``half_squared_distance`` from the one-hot labels of a perceptron with linear outputs.

    Weights start at U(±1/√n_in) (the choice of Cohen et al. 2021, PyTorch's default), biases at 0.

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
    generator = torch.Generator().manual_seed(seed)
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise([inputs.shape[1], *hidden_widths, classes]):
        uniform = torch.rand(n_out, n_in, generator=generator, dtype=torch.float64)
        weight, bias = (2.0 * uniform - 1.0) / math.sqrt(n_in), uniform.new_zeros(n_out)
        layers += [Linear.holding(weight, bias), Activation(activation)]
    model = nn.Sequential(*layers[:-1]).to(inputs.dtype)
    targets = functional.one_hot(labels, classes).to(inputs.dtype)
    loss = module_loss(model, inputs, targets)
    if not is_covered(inputs, [inputs.shape[1], *hidden_widths, classes], activation):
        return loss
    written_out = PerceptronLoss(inputs, targets, hidden_widths, activation)
    return replace(loss, derivatives=written_out)


def network_losses(
    dataset: Path, settings: Mapping[str, Any]
) -> tuple[dict[int, Loss], dict[str, Any]]:
    """The losses of a section of the config that has a network, by seed, and what made them.

    Args:
        dataset: folder of a prepared data set.
        settings: ``examples``, ``precision``, ``seeds``, the network, and whatever else the section
            has, which goes into the provenance with them. The network is a perceptron with
            ``hidden_widths`` and ``activation`` (tanh if there is none), or an ``architecture``
            with ``architecture_options``, to which an ``activation`` is added.

    Raises:
        InputError: as ``datasets.load.load``, ``network_loss``, ``module_loss``, and
            ``networks.architectures.build``.
    """
    data = load(dataset, getattr(torch, settings["precision"]), settings["examples"])
    run = {**settings, "dataset": dataset.name}
    if architecture := settings.get("architecture"):
        options = dict(settings.get("architecture_options") or {})
        # One text, as a table of modules has it.
        run["architecture_options"] = json.dumps(options, sort_keys=True)
        if "activation" in settings:
            options["activation"] = settings["activation"]
        shape = image_shape(dataset)
        inputs = as_images(data.train_inputs, shape)
        targets = functional.one_hot(data.train_labels, data.classes).to(inputs.dtype)

    def loss(seed: int) -> Loss:
        if not architecture:
            widths, activation = settings["hidden_widths"], settings.get("activation", "tanh")
            rows = data.train_inputs, data.train_labels
            return network_loss(*rows, widths, seed, data.classes, activation)
        torch.manual_seed(seed)
        model = build(architecture, shape, data.classes, options).to(inputs.dtype)
        return module_loss(model, inputs, targets)

    networks = {seed: loss(seed) for seed in settings["seeds"]}
    return networks, {"run": run, "data": data.facts, "dataset_sha256": data.sha256}
