"""Networks by name, each a function of (input_shape, classes, **options) that returns a Module.

``input_shape`` is (channels, rows, columns), or (features,) of data that are no images. A user's
own function has the same arguments and is named ``package.module:function``. Weights are drawn from
torch's global generator, so that ``torch.manual_seed`` makes a network again.
"""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gradient_atlas.errors import InputError
from gradient_atlas.networks.activations import get_activation
from gradient_atlas.networks.blocks import (
    MeanOverTokens,
    Positions,
    ResidualBlock,
    RowsAsTokens,
    TransformerBlock,
    filled,
)
from gradient_atlas.networks.feedforward import FeedForward
from gradient_atlas.networks.layers import CircularConvolution, Linear
from gradient_atlas.runs import extension
from gradient_atlas.runs.feedforward import Perceptron
from gradient_atlas.runs.network import check_options, deepnorm
from gradient_atlas.runs.parameters import parse

Architecture = Callable[..., nn.Module]


class Activation(nn.Module):
    """A named activation as a module."""

    def __init__(self, name: str) -> None:
        """``name`` as in ``networks.activations``; InputError for an unknown one."""
        super().__init__()
        self.name, self._function = name, get_activation(name)

    def forward(self, z: Tensor) -> Tensor:
        """φ(z)."""
        return self._function(z)

    def extra_repr(self) -> str:
        """The name, for ``print(model)``."""
        return self.name


def mlp(
    input_shape: Sequence[int],
    classes: int,
    *,
    depth: int = 50,
    width: int = 128,
    activation: str = "relu",
    initialization: str = "he",
    weight_std: float | None = None,
    bias_std: float = 0.0,
    normalization: str = "none",
    normalization_position: str = "before_activation",
    residual: bool = False,
    residual_scale: float = 1.0,
) -> nn.Module:
    """The perceptron of ``networks.feedforward``; ``runs.feedforward.Perceptron`` says the options.

    A seed of torch's global generator draws what the same seed of its own draws in a training run.
    """
    options = {
        "depth": depth,
        "width": width,
        "activation": activation,
        "initialization": initialization,
        "weight_std": weight_std,
        "bias_std": bias_std,
        "normalization": normalization,
        "normalization_position": normalization_position,
        "residual": residual,
        "residual_scale": residual_scale,
    }
    generator = torch.default_generator
    return FeedForward(parse(Perceptron, options), math.prod(input_shape), classes, generator)


def conv(
    input_shape: Sequence[int],
    classes: int,
    *,
    depth: int = 30,
    channels: int = 32,
    kernel: int = 3,
    activation: str = "tanh",
    initialization: str = "he",
    weight_std: float | None = None,
) -> nn.Module:
    """``depth`` circular convolutions without normalisation, then the mean over places (Xiao 2018).

    ``initialization`` is one of ``networks.initialization`` with n_in = channels · kernel², or
    ``delta_orthogonal`` (``blocks.filled``).
    """
    if kernel % 2 == 0:
        raise InputError(f"kernel: {kernel} is wrong; it must be odd, so that it has a centre")
    layers: list[nn.Module] = []
    for place in range(depth):
        n_in = _channels(input_shape) if place == 0 else channels
        layer = CircularConvolution(n_in, channels, kernel)
        layers += [filled(layer, initialization, weight_std), Activation(activation)]
    head = filled(Linear(channels, classes), "xavier")
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


def resnet(
    input_shape: Sequence[int],
    classes: int,
    *,
    blocks: int = 20,
    channels: int = 16,
    normalization: str = "none",
    branch: str = "plain",
    activation: str = "relu",
) -> nn.Module:
    """A stem, ``blocks`` residual blocks, the mean over places and a linear layer.

    ``branch``: ``plain`` (s = 1), ``inverse_sqrt`` (s = 1/√blocks), ``fixup`` (Zhang et al. 2019:
    a block's last convolution and the classifier start at 0, its first is scaled by blocks^(-1/2)).
    """
    _chosen("normalization", normalization, "none", "batch_norm")
    _chosen("branch", branch, "plain", "inverse_sqrt", "fixup")
    scale = 1 / math.sqrt(blocks) if branch == "inverse_sqrt" else 1.0
    stem = filled(CircularConvolution(_channels(input_shape), channels, 3), "he")
    found = [ResidualBlock(channels, normalization, scale, activation) for _ in range(blocks)]
    head = filled(Linear(channels, classes), "xavier")
    if branch == "fixup":
        with torch.no_grad():
            for block in found:
                block.first.weight.mul_(blocks**-0.5)
                block.last.weight.zero_()
            head.weight.zero_()
    phi = Activation(activation)
    return nn.Sequential(stem, *found, phi, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


def transformer(
    input_shape: Sequence[int],
    classes: int,
    *,
    layers: int = 6,
    width: int = 64,
    heads: int = 4,
    norm: str = "pre",
    queries: str = "xavier",
    activation: str = "relu",
) -> nn.Module:
    """An encoder over the rows of an image; the classes are read off the mean over tokens.

    DeepNorm (Wang et al. 2022, table 1, encoder): α = (2 layers)^(1/4), β = (8 layers)^(-1/4).
    """
    _chosen("norm", norm, "pre", "post", "none", "deepnorm")
    _chosen("queries", queries, "xavier", "zero")
    if width % heads or width % 2:
        raise InputError(f"width: {width} is wrong; it must be even and a multiple of heads")
    features = _channels(input_shape) * input_shape[-1]
    alpha, beta = deepnorm(layers) if norm == "deepnorm" else (1.0, 1.0)
    found = [
        TransformerBlock(
            width, heads, norm, alpha=alpha, beta=beta, queries=queries, activation=activation
        )
        for _ in range(layers)
    ]
    last = [nn.LayerNorm(width)] if norm == "pre" else []
    embedding, head = (
        filled(Linear(n_in, n_out), "xavier")
        for n_in, n_out in ((features, width), (width, classes))
    )
    return nn.Sequential(
        RowsAsTokens(), embedding, Positions(), *found, *last, MeanOverTokens(), head
    )


ARCHITECTURES: dict[str, Architecture] = {
    "mlp": mlp,
    "conv": conv,
    "resnet": resnet,
    "transformer": transformer,
}


def build(
    name: str, input_shape: Sequence[int], classes: int, options: Mapping[str, Any]
) -> nn.Module:
    """The network called ``name``, built in or the user's ``package.module:function``.

    Raises:
        InputError: the name or an option is unknown, an option's value is wrong, or what the
            function returns is no ``torch.nn.Module``.
    """
    if extension.is_extension(name):
        function = extension.load(name, "architecture")
    elif name in ARCHITECTURES:
        function = ARCHITECTURES[name]
    else:
        known = ", ".join(ARCHITECTURES)
        raise InputError(
            f"architecture: {name!r} is unknown; use {known} or 'package.module:function'"
        )
    if (taken := _options_of(function)) is not None:
        check_options(name, taken, options)
    model = function(tuple(input_shape), classes, **options)
    if not isinstance(model, nn.Module):
        kind = type(model).__name__
        raise InputError(f"architecture: {name!r} returned a {kind}, not a torch.nn.Module")
    return model


def _options_of(function: Architecture) -> list[str] | None:
    """The options that a function takes; None where it takes any, or does not say."""
    try:
        parameters = inspect.signature(function).parameters
    except ValueError:  # what is written in C need not have one
        return None
    if any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        return None
    return list(parameters)[2:]


def _channels(input_shape: Sequence[int]) -> int:
    if len(input_shape) != 3:
        raise InputError(
            f"architecture: needs images, (channels, rows, columns); the data are {input_shape}"
        )
    return int(input_shape[0])


def _chosen(key: str, value: str, *choices: str) -> None:
    if value not in choices:
        raise InputError(f"{key}: {value!r} is wrong; it must be one of {', '.join(choices)}")
