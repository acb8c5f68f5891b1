"""Linear and convolutional layers, and attention, whose products are the same on every processor.

Each is torch's own module with its weights and options; only its products are those of
``networks.products``. Under a native arithmetic torch multiplies.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gradient_atlas import arithmetic
from gradient_atlas.networks.products import linear, product


class Linear(nn.Linear):
    """``torch.nn.Linear``."""

    @classmethod
    def holding(cls, weight: Tensor, bias: Tensor) -> "Linear":
        """One with this weight (n_out, n_in) and bias (n_out,); nothing is drawn."""
        layer = cls(weight.shape[1], weight.shape[0], device="meta")
        layer.weight, layer.bias = nn.Parameter(weight), nn.Parameter(bias)
        return layer

    def forward(self, input: Tensor) -> Tensor:
        """(..., n_in) to (..., n_out)."""
        if input.ndim == 2:
            # Where torch keeps them: found by attribute they cost a tenth of a small product.
            own: dict[str, Any] = self._parameters
            return linear(input, own["weight"], own["bias"])
        if not arithmetic.is_portable():
            return super().forward(input)
        found = linear(input.reshape(-1, self.in_features), self.weight, self.bias)
        return found.reshape(*input.shape[:-1], self.out_features)


class CircularConvolution(nn.Conv2d):
    """A convolution of odd kernel, stride 1, over an image whose opposite edges meet.

    So every place of the image has as many neighbours, as theory has it (Xiao et al. 2018).
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        """As ``torch.nn.Conv2d`` with circular padding."""
        super().__init__(
            in_channels, out_channels, kernel, padding=kernel // 2, padding_mode="circular"
        )

    def forward(self, input: Tensor) -> Tensor:
        """(N, channels, rows, columns) to the same size with other channels."""
        if not arithmetic.is_portable():
            return super().forward(input)
        examples, _, rows, columns = input.shape
        size = self.kernel_size[0]
        padded = functional.pad(input, [size // 2] * 4, mode="circular")
        patches = functional.unfold(padded, size).transpose(1, 2)  # (N, places, channels · size²)
        flat = patches.reshape(examples * rows * columns, -1)
        assert self.bias is not None
        found = linear(flat, self.weight.flatten(1), self.bias)
        return found.reshape(examples, rows, columns, -1).permute(0, 3, 1, 2).contiguous()


class SelfAttention(nn.Module):
    """Attention of each token to all (Vaswani et al. 2017, equation 1), a matrix a module."""

    def __init__(self, width: int, heads: int) -> None:
        """``width`` must be a multiple of ``heads``."""
        super().__init__()
        self.heads = heads
        self.query, self.key = Linear(width, width), Linear(width, width)
        self.value, self.output = Linear(width, width), Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(examples, tokens, width) to the same."""
        examples, tokens, width = x.shape
        query, key, value = (self._heads(part(x)) for part in (self.query, self.key, self.value))
        scores = product(query, key.transpose(1, 2)) / math.sqrt(width // self.heads)
        mixed = product(torch.softmax(scores, dim=-1), value)
        mixed = mixed.reshape(examples, self.heads, tokens, -1).transpose(1, 2)
        result: Tensor = self.output(mixed.reshape(examples, tokens, width))
        return result

    def _heads(self, x: Tensor) -> Tensor:
        """(examples, tokens, width) to (examples · heads, tokens, width / heads)."""
        examples, tokens, _ = x.shape
        return x.reshape(examples, tokens, self.heads, -1).transpose(1, 2).flatten(0, 1)
