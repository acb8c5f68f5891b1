"""How activations, initialisations, data sets, networks and losses are called by a reader."""

import json
from collections.abc import Mapping
from typing import Any

NAMES = {
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "relu": "ReLU",
    "leaky_relu": "Leaky ReLU",
    "gelu": "GELU",
    "silu": "SiLU",
    "standard": "standard",
    "xavier": "Xavier",
    "he": "He",
    "orthogonal": "orthogonal",
    "sgd": "SGD",
    "lars": "LARS",
    "lamb": "LAMB",
    "heavy_ball": "heavy ball",
    "maximal_update": "maximal update",
    "nesterov": "Nesterov",
    "adam": "Adam",
    "rnn": "plain RNN",
    "lstm": "LSTM",
    "gru": "GRU",
    "mnist": "MNIST",
    "mnist_5k": "MNIST-5k",
    "fashion_mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
}
PROBLEM_NAMES = {
    "quadratic": "Quadratic",
    "rosenbrock": "Rosenbrock",
    "network": "Network",
}


def name_of(key: str) -> str:
    """Return a parameter's value as a reader says it; a user's own as the callable's name."""
    return NAMES.get(key, key.rpartition(":")[2].replace("_", " "))


def architecture_name(run: Mapping[str, Any]) -> str:
    """A network by name with its options, as a reader says it; empty where a run names none."""
    if not isinstance(name := run.get("architecture"), str):
        return ""
    options = json.loads(run["architecture_options"]).items()
    said = ", ".join(f"{key.replace('_', ' ')} {name_of(str(value))}" for key, value in options)
    return f"{name_of(name)} network" + (f" with {said}" if said else "")


def weights_name(initialization: str, weight_std: float) -> str:
    """An initialisation as a reader says it; the normal one by its variance."""
    if initialization != "normal":
        return name_of(initialization)
    return "$N(0, 1)$" if weight_std == 1 else f"$N(0, {weight_std:g}^2)$"


def change_name(kind: str, run: Any) -> str:
    """What a remedy of this kind does to a run (any row of its tables), as a reader says it."""
    if kind == "initialization":
        return f"{weights_name(run.initialization, run.weight_std)} weights"
    if kind == "normalization":
        after = " after" if run.normalization_position == "after_activation" else ""
        return f"{name_of(run.normalization)}{after}"
    if kind == "residual":
        return "residual" + ("" if run.residual_scale == 1 else f", $s = {run.residual_scale:g}$")
    if kind == "clipping":
        return f"clipped at {run.clip_norm:g}"
    if kind == "decay":
        return f"weight decay {run.weight_decay:g}"
    if kind == "rate":
        return rf"$\eta = {run.learning_rate:g}$"
    return name_of(run.optimizer)


def network_name(run: Any) -> str:
    """Activation and initialisation of a run (any row of its tables)."""
    return f"{name_of(run.activation)}, {weights_name(run.initialization, run.weight_std)}"


def problem_name(problem: str) -> str:
    """A problem's name as a reader says it."""
    return PROBLEM_NAMES.get(problem, problem.replace("_", " ").capitalize())


_BLOCKS = {
    ("none", "plain"): "plain",
    ("none", "inverse_sqrt"): r"branches $\times\, L^{-1/2}$",
    ("batch_norm", "plain"): "batch norm",
    ("none", "fixup"): "Fixup",
}


def blocks_name(normalization: str, branch: str) -> str:
    """Residual blocks of these options as a reader says them."""
    name = f"{name_of(normalization)}, {name_of(branch)}"
    return _BLOCKS.get((normalization, branch), name)


_NORMS = {"pre": "pre-LN", "post": "post-LN", "none": "no LN", "deepnorm": "DeepNorm"}


def norm_name(norm: str) -> str:
    """Where the LayerNorm of a Transformer's blocks stands, as a reader says it."""
    return _NORMS.get(norm, name_of(norm))
