"""Initial weights: each function fills one (n_out, n_in) float64 matrix from a generator.

Sources: ``standard`` is the heuristic that Glorot, Bengio (2010), equation 1, compare against;
``xavier`` has the variance of their equation 12; ``he`` that of He et al. (2015), equation 10;
``orthogonal`` is Saxe, McClelland, Ganguli (2014), section 3, with gain 1.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Generator, Tensor

from gradient_atlas.errors import InputError
from gradient_atlas.runs import extension

Initialization = Callable[[Tensor, Generator], object]


def standard(weight: Tensor, generator: Generator) -> None:
    """U(-1/√n_in, 1/√n_in), of variance 1/(3 n_in)."""
    bound = 1 / math.sqrt(weight.shape[1])
    weight.uniform_(-bound, bound, generator=generator)


def xavier(weight: Tensor, generator: Generator) -> None:
    """N(0, 2/(n_in + n_out))."""
    n_out, n_in = weight.shape
    weight.normal_(0.0, math.sqrt(2 / (n_in + n_out)), generator=generator)


def he(weight: Tensor, generator: Generator) -> None:
    """N(0, 2/n_in)."""
    weight.normal_(0.0, math.sqrt(2 / weight.shape[1]), generator=generator)


def orthogonal(weight: Tensor, generator: Generator) -> None:
    """Orthonormal rows (n_out ≤ n_in) or columns (n_out > n_in), uniform in the Haar measure."""
    n_out, n_in = weight.shape
    q = orthonormal_columns(max(n_out, n_in), min(n_out, n_in), generator)
    weight.copy_(q if n_out > n_in else q.T)


def orthonormal_columns(rows: int, columns: int, generator: Generator) -> Tensor:
    """Float64 (rows, columns ≤ rows) with orthonormal columns, uniform in the Haar measure.

    The signs of R's diagonal go into Q: without them Q would not be uniform (Mezzadri, 2007).
    """
    gaussian = torch.randn(rows, columns, generator=generator, dtype=torch.float64)
    q, r = torch.linalg.qr(gaussian)
    return q * torch.sign(torch.diagonal(r))


def normal(weight: Tensor, generator: Generator, *, weight_std: float) -> None:
    """N(0, weight_std²), whatever the width."""
    weight.normal_(0.0, weight_std, generator=generator)


_BUILT_IN: dict[str, Initialization] = {
    "standard": standard,
    "xavier": xavier,
    "he": he,
    "orthogonal": orthogonal,
}
INITIALIZATIONS = (*_BUILT_IN, "normal")


def get_initialization(name: str, weight_std: float | None = None) -> Initialization:
    """The initialisation called ``name``: built in, or the user's ``package.module:callable``.

    The callable gets a (n_out, n_in) float64 tensor, which it fills in place, and the
    ``torch.Generator`` it must draw from. ``weight_std`` is needed by ``normal`` and by no other.
    Raises ``InputError`` for an unknown name, and for ``normal`` without a positive ``weight_std``.
    """
    if name == "normal":
        if weight_std is None or not 0 < weight_std < math.inf:
            raise InputError(
                f"weight_std: initialization 'normal' needs a positive number, got {weight_std}"
            )
        return partial(normal, weight_std=weight_std)
    if extension.is_extension(name):
        return extension.load(name, "initialization")
    if name not in _BUILT_IN:
        known = ", ".join(INITIALIZATIONS)
        raise InputError(
            f"initialization: {name!r} is unknown; use {known} or 'package.module:callable'"
        )
    return _BUILT_IN[name]
