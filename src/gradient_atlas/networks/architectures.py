"""Networks by name, each a function of (input_shape, classes, **options) that returns a Module.

``input_shape`` is (channels, rows, columns), or (features,) of data that are no images. A user's
own function has the same arguments and is named ``package.module:function``. Weights are drawn from
torch's global generator, so that ``torch.manual_seed`` makes a network again.
"""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gradient_atlas.errors import InputError
from gradient_atlas.networks.activations import get_activation
from gradient_atlas.networks.initialization import get_initialization, orthonormal_columns
from gradient_atlas.runs import extension
from gradient_atlas.runs.network import check_options

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
) -> nn.Module:
    """A perceptron of ``depth`` weight layers; biases start at 0."""
    sizes = [math.prod(input_shape), *[width] * (depth - 1), classes]
    layers: list[nn.Module] = [nn.Flatten()]
    for place in range(depth):
        layers.append(
            _filled(nn.Linear(sizes[place], sizes[place + 1]), initialization, weight_std)
        )
        layers += [Activation(activation)] if place < depth - 1 else []
    return nn.Sequential(*layers)


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
    ``delta_orthogonal`` (Xiao et al. 2018, algorithm 1: an orthogonal matrix at the kernel's
    centre, 0 elsewhere).
    """
    if kernel % 2 == 0:
        raise InputError(f"kernel: {kernel} is wrong; it must be odd, so that it has a centre")
    layers: list[nn.Module] = []
    for place in range(depth):
        n_in = _channels(input_shape) if place == 0 else channels
        layer = nn.Conv2d(n_in, channels, kernel, padding=kernel // 2, padding_mode="circular")
        layers += [_filled(layer, initialization, weight_std), Activation(activation)]
    head = _filled(nn.Linear(channels, classes), "xavier", None)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


class ResidualBlock(nn.Module):
    """x + s · conv(relu(conv(relu(N(x))))): pre-activation (He et al. 2016, second paper)."""

    def __init__(self, channels: int, normalization: str, scale: float) -> None:
        """``normalization``: none or batch_norm; ``scale``: s."""
        super().__init__()
        self.scale = scale
        norm = nn.BatchNorm2d if normalization == "batch_norm" else (lambda _: nn.Identity())
        self.branch = nn.Sequential(
            norm(channels), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1),
            norm(channels), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1),
        )  # fmt: skip
        for layer in self.branch:
            if isinstance(layer, nn.Conv2d):
                _filled(layer, "he", None)

    def forward(self, x: Tensor) -> Tensor:
        """The block's output, of the shape of its input."""
        result: Tensor = x + self.scale * self.branch(x)
        return result


def resnet(
    input_shape: Sequence[int],
    classes: int,
    *,
    blocks: int = 20,
    channels: int = 16,
    normalization: str = "none",
    branch: str = "plain",
) -> nn.Module:
    """A stem, ``blocks`` residual blocks, the mean over places and a linear layer.

    ``branch``: ``plain`` (s = 1), ``inverse_sqrt`` (s = 1/√blocks), ``fixup`` (Zhang et al. 2019:
    a block's last convolution and the classifier start at 0, its first is scaled by blocks^(-1/2)).
    """
    _chosen("normalization", normalization, "none", "batch_norm")
    _chosen("branch", branch, "plain", "inverse_sqrt", "fixup")
    scale = 1 / math.sqrt(blocks) if branch == "inverse_sqrt" else 1.0
    stem = _filled(nn.Conv2d(_channels(input_shape), channels, 3, padding=1), "he", None)
    found = [ResidualBlock(channels, normalization, scale) for _ in range(blocks)]
    head = _filled(nn.Linear(channels, classes), "xavier", None)
    if branch == "fixup":
        with torch.no_grad():
            for block in found:
                first, last = (part for part in block.branch if isinstance(part, nn.Conv2d))
                first.weight.mul_(blocks**-0.5)
                last.weight.zero_()
            head.weight.zero_()
    return nn.Sequential(stem, *found, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


class TransformerBlock(nn.Module):
    """Attention and a two-layer perceptron, each with a residual connection.

    ``norm``: ``pre`` (x + f(LN(x)), Xiong et al. 2020), ``post`` (LN(x + f(x)), Vaswani et al.
    2017), ``none`` (x + f(x)), ``deepnorm`` (LN(α x + f(x)), Wang et al. 2022).
    """

    def __init__(self, width: int, heads: int, norm: str, alpha: float) -> None:
        """``alpha``: α of deepnorm, else 1."""
        super().__init__()
        self.norm, self.alpha = norm, alpha
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        one: Callable[[], nn.Module] = (
            nn.Identity if norm == "none" else partial(nn.LayerNorm, width)
        )
        self.norm_attention, self.norm_perceptron = one(), one()
        for layer in (self.expand, self.contract):
            _filled(layer, "xavier", None)

    def forward(self, x: Tensor) -> Tensor:
        """(examples, tokens, width) to the same."""
        x = self._residual(x, self._attend, self.norm_attention)
        return self._residual(x, self._perceptron, self.norm_perceptron)

    def _residual(self, x: Tensor, f: Callable[[Tensor], Tensor], norm: nn.Module) -> Tensor:
        if self.norm == "pre":
            return x + f(norm(x))
        result: Tensor = norm(self.alpha * x + f(x))
        return result

    def _attend(self, x: Tensor) -> Tensor:
        result: Tensor = self.attention(x, x, x, need_weights=False)[0]
        return result

    def _perceptron(self, x: Tensor) -> Tensor:
        result: Tensor = self.contract(torch.relu(self.expand(x)))
        return result


class RowsAsTokens(nn.Module):
    """(examples, channels, rows, columns) to (examples, rows, channels · columns)."""

    def forward(self, x: Tensor) -> Tensor:
        """Each row of an image is a token."""
        return x.transpose(1, 2).flatten(2)


class MeanOverTokens(nn.Module):
    """(examples, tokens, width) to (examples, width)."""

    def forward(self, x: Tensor) -> Tensor:
        """The mean over tokens."""
        return x.mean(dim=1)


def transformer(
    input_shape: Sequence[int],
    classes: int,
    *,
    layers: int = 6,
    width: int = 64,
    heads: int = 4,
    norm: str = "pre",
) -> nn.Module:
    """An encoder over the rows of an image; the classes are read off the mean over tokens.

    DeepNorm (Wang et al. 2022, table 1, encoder): α = (2 layers)^(1/4), and the perceptron's, the
    values' and the output's matrices are scaled by (8 layers)^(-1/4).
    """
    _chosen("norm", norm, "pre", "post", "none", "deepnorm")
    if width % heads:
        raise InputError(f"width: {width} is wrong; it must be a multiple of heads, {heads}")
    features = _channels(input_shape) * input_shape[-1]
    alpha = (2 * layers) ** 0.25 if norm == "deepnorm" else 1.0
    found = [TransformerBlock(width, heads, norm, alpha) for _ in range(layers)]
    if norm == "deepnorm":
        beta = (8 * layers) ** -0.25
        with torch.no_grad():
            for block in found:
                block.expand.weight.mul_(beta)
                block.contract.weight.mul_(beta)
                block.attention.in_proj_weight[2 * width :].mul_(beta)
                block.attention.out_proj.weight.mul_(beta)
    last = [nn.LayerNorm(width)] if norm == "pre" else []
    embedding = _filled(nn.Linear(features, width), "xavier", None)
    head = _filled(nn.Linear(width, classes), "xavier", None)
    return nn.Sequential(RowsAsTokens(), embedding, *found, *last, MeanOverTokens(), head)


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


def _filled(layer: Any, initialization: str, weight_std: float | None) -> Any:
    """Draw a layer's weights, a kernel as the matrix of all its inputs; its bias is 0."""
    weight = layer.weight
    generator = torch.default_generator
    with torch.no_grad():
        if initialization == "delta_orthogonal":
            n_out, n_in, rows, columns = weight.shape
            q = orthonormal_columns(max(n_out, n_in), min(n_out, n_in), generator)
            weight.zero_()
            weight[:, :, rows // 2, columns // 2] = q if n_out > n_in else q.T
        else:
            matrix = torch.empty(weight.shape[0], weight[0].numel(), dtype=torch.float64)
            get_initialization(initialization, weight_std)(matrix, generator)
            weight.copy_(matrix.reshape(weight.shape))
        if layer.bias is not None:
            layer.bias.zero_()
    return layer
