"""What residual networks and Transformers are stacked of; weights are drawn when one is made."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gradient_atlas.networks.activations import get_activation
from gradient_atlas.networks.initialization import get_initialization, orthonormal_columns
from gradient_atlas.networks.layers import CircularConvolution, Linear, SelfAttention


def filled(layer: Any, initialization: str, weight_std: float | None = None) -> Any:
    """Draw a layer's weights, a kernel as the matrix of all its inputs; its bias is 0.

    ``delta_orthogonal`` (Xiao et al. 2018, algorithm 1): an orthogonal matrix at the kernel's
    centre, 0 elsewhere.
    """
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


class ResidualBlock(nn.Module):
    """x + s · conv(φ(N(conv(φ(N(x)))))): pre-activation (He et al. 2016, second paper)."""

    def __init__(self, channels: int, normalization: str, scale: float, activation: str) -> None:
        """``normalization``: none or batch_norm; ``scale``: s; kernels of 3 x 3 after He."""
        super().__init__()
        self.scale, self.activation = scale, get_activation(activation)
        norm = nn.BatchNorm2d if normalization == "batch_norm" else (lambda _: nn.Identity())
        first, last = (
            filled(CircularConvolution(channels, channels, 3), "he") for _ in ("first", "last")
        )
        self.norm_first, self.first = norm(channels), first
        self.norm_last, self.last = norm(channels), last

    def forward(self, x: Tensor) -> Tensor:
        """The block's output, of the shape of its input."""
        phi = self.activation
        hidden = self.first(phi(self.norm_first(x)))
        result: Tensor = x + self.scale * self.last(phi(self.norm_last(hidden)))
        return result


class TransformerBlock(nn.Module):
    """Attention and a two-layer perceptron, each with a residual connection.

    ``norm``: ``pre`` (x + f(LN(x)), Xiong et al. 2020), ``post`` (LN(x + f(x)), Vaswani et al.
    2017), ``none`` (x + f(x)), ``deepnorm`` (LN(α x + f(x)), Wang et al. 2022, whose β multiplies
    the values', the output's and the perceptron's matrices).
    """

    def __init__(
        self,
        width: int,
        heads: int,
        norm: str,
        *,
        alpha: float,
        beta: float,
        queries: str,
        activation: str,
    ) -> None:
        """``alpha``, ``beta``: α and β of deepnorm, else 1; matrices after Xavier.

        ``activation``: of the perceptron. ``queries``: ``xavier``, or ``zero``, so that every token
        attends to all alike, as Xiong et al. (2020, section 3.3) and Noci et al. (2022, assumption
        3.1) have it.
        """
        super().__init__()
        self.norm, self.alpha, self.activation = norm, alpha, get_activation(activation)
        self.attention = SelfAttention(width, heads)
        self.expand, self.contract = Linear(width, 4 * width), Linear(4 * width, width)
        one: Callable[[], nn.Module] = (
            nn.Identity if norm == "none" else partial(nn.LayerNorm, width)
        )
        self.norm_attention, self.norm_perceptron = one(), one()
        attention = self.attention
        scaled = (attention.value, attention.output, self.expand, self.contract)
        for layer in (attention.query, attention.key, *scaled):
            filled(layer, "xavier")
        with torch.no_grad():
            for layer in scaled:
                layer.weight.mul_(beta)
            if queries == "zero":
                attention.query.weight.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """(examples, tokens, width) to the same."""
        x = self._residual(x, self.attention, self.norm_attention)
        return self._residual(x, self._perceptron, self.norm_perceptron)

    def _residual(self, x: Tensor, f: Callable[[Tensor], Tensor], norm: nn.Module) -> Tensor:
        if self.norm == "pre":
            return x + f(norm(x))
        result: Tensor = norm(self.alpha * x + f(x))
        return result

    def _perceptron(self, x: Tensor) -> Tensor:
        result: Tensor = self.contract(self.activation(self.expand(x)))
        return result


class RowsAsTokens(nn.Module):
    """(examples, channels, rows, columns) to (examples, rows, channels · columns)."""

    def forward(self, x: Tensor) -> Tensor:
        """Each row of an image is a token."""
        return x.transpose(1, 2).flatten(2)


class Positions(nn.Module):
    """Adds to each token sines and cosines of its place (Vaswani et al. 2017, section 3.5)."""

    def forward(self, x: Tensor) -> Tensor:
        """(examples, tokens, width) to the same."""
        return x + positions(x.shape[1], x.shape[2]).to(x.dtype)


def positions(tokens: int, width: int) -> Tensor:
    """(tokens, width) float64: sin(place / 10000^(2k/width)) in column 2k, its cosine in 2k + 1."""
    rates = [10000 ** (-2 * k / width) for k in range(width // 2)]
    rows = [
        [f(place * rate) for rate in rates for f in (math.sin, math.cos)] for place in range(tokens)
    ]
    return torch.tensor(rows, dtype=torch.float64)


class MeanOverTokens(nn.Module):
    """(examples, tokens, width) to (examples, width)."""

    def forward(self, x: Tensor) -> Tensor:
        """The mean over tokens."""
        return x.mean(dim=1)
