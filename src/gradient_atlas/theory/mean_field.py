"""A wide network at initialisation in one number: the variance q of its pre-activations.

Poole et al. (2016), "Exponential expressivity in deep neural networks through transient chaos",
eq. 3, and Schoenholz et al. (2017), "Deep information propagation", eqs. 3, 4 and 9. With σ_w² =
n_in Var(W), biases of variance σ_b² and z ~ N(0, 1):

    q^(l+1) = V(q^(l)) = σ_w² E[φ(√q^(l) z)²] + σ_b²    variance of a pre-activation
    χ(q)    = σ_w² E[φ'(√q z)²]                          ‖δ^(l)‖² / ‖δ^(l+1)‖²

where δ^(l) = ∂ℓ/∂z^(l). χ holds if W^(l+1) is independent of δ^(l+1), which it is not (the forward
pass used it), but for n → ∞ the difference vanishes as 1/n. The error signal's norm changes by
√χ per layer: it vanishes towards the input for χ < 1 and explodes for χ > 1.
"""

import math
from collections.abc import Callable

import torch
from scipy.optimize import brentq

from gradient_atlas.networks.initialization import get_initialization
from gradient_atlas.runs import extension
from gradient_atlas.theory.gaussian import derivative_second_moment, second_moment
from gradient_atlas.theory.nonlinearity import Nonlinearity

# Below and above these a variance that keeps falling or growing counts as 0 or as infinite.
_LEAST_VARIANCE, _GREATEST_VARIANCE = 1e-12, 1e12

_VARIANCES: dict[str, Callable[[int, int], float]] = {
    "standard": lambda n_in, n_out: 1 / (3 * n_in),
    "xavier": lambda n_in, n_out: 2 / (n_in + n_out),
    "he": lambda n_in, n_out: 2 / n_in,
    # Orthonormal rows if n_out ≤ n_in, else orthonormal columns.
    "orthogonal": lambda n_in, n_out: 1 / max(n_in, n_out),
}


def weight_variance(
    initialization: str, n_in: int, n_out: int, weight_std: float | None = None
) -> float:
    """Var(W_ij) of a (n_out, n_in) weight matrix.

    Of a user's own initialisation it is the mean square of one sampled matrix (seed 0).
    Raises InputError for an initialisation that does not exist.
    """
    if initialization in _VARIANCES:
        return _VARIANCES[initialization](n_in, n_out)
    fill = get_initialization(initialization, weight_std)
    if not extension.is_extension(initialization):
        assert weight_std is not None  # get_initialization has checked it
        return weight_std**2
    weight = torch.empty(n_out, n_in, dtype=torch.float64)
    fill(weight, torch.Generator().manual_seed(0))
    return float(weight.square().mean())


def spectral_norm(
    initialization: str, n_in: int, n_out: int, weight_std: float | None = None
) -> float:
    """‖W‖₂ of a wide (n_out, n_in) weight matrix: √Var(W) (√n_in + √n_out) of independent entries.

    Geman (1980), "A limit theorem for the norm of random matrices"; that four moments are needed
    and suffice: Bai, Silverstein & Yin (1988). An orthogonal matrix has norm 1; nan of a user's own
    initialisation, whose entries may depend on each other.
    """
    if extension.is_extension(initialization):
        return math.nan
    if initialization == "orthogonal":
        return 1.0
    variance = weight_variance(initialization, n_in, n_out, weight_std)
    return math.sqrt(variance) * (math.sqrt(n_in) + math.sqrt(n_out))


def variance_map(
    activation: Nonlinearity, q: float, sigma_w2: float, sigma_b2: float = 0.0
) -> float:
    """V(q) = σ_w² E[φ(√q z)²] + σ_b², the variance one layer up."""
    return sigma_w2 * float(second_moment(activation, q)) + sigma_b2


def chi(activation: Nonlinearity, q: float, sigma_w2: float) -> float:
    """χ(q) = σ_w² E[φ'(√q z)²], the factor of ‖δ‖² per layer towards the input."""
    return sigma_w2 * float(derivative_second_moment(activation, q))


def fixed_point(
    activation: Nonlinearity, sigma_w2: float, start: float, sigma_b2: float = 0.0
) -> float:
    """q* = V(q*) that the recursion reaches from ``start``: 0 and inf are possible answers.

    Which one it is may depend on the start (GELU at σ_w² = 2.3 falls to 0 from a small q and leaves
    every bound from a larger one), so that it is that of the data: K^(1) of the first layer.

    V grows with q for every activation here, so that the recursion is monotone: it stops at the
    next root of V(q) = q in the direction of its first step.
    """

    def growth(q: float) -> float:
        return variance_map(activation, q, sigma_w2, sigma_b2) / q - 1

    first = growth(start)
    if abs(first) < 1e-12:
        return start
    factor, q = (2.0 if first > 0 else 0.5), start
    while _LEAST_VARIANCE < q < _GREATEST_VARIANCE:
        previous, q = q, q * factor
        if growth(q) * first <= 0:
            return float(brentq(growth, min(previous, q), max(previous, q), xtol=1e-15))
    return math.inf if factor > 1 else 0.0


def finite_fixed_point(
    activation: Nonlinearity, sigma_w2: float, start: float, sigma_b2: float = 0.0
) -> float:
    """``fixed_point`` with a tiny number for 0 and a huge one for infinity."""
    q = fixed_point(activation, sigma_w2, start, sigma_b2)
    return min(max(q, _LEAST_VARIANCE), _GREATEST_VARIANCE)


def slope_per_layer(
    activation: Nonlinearity, sigma_w2: float, start: float, sigma_b2: float = 0.0
) -> float:
    """log10 √χ(q*): decades that ‖δ^(l)‖ gains per layer towards the input, deep in the network."""
    q = finite_fixed_point(activation, sigma_w2, start, sigma_b2)
    return math.log10(chi(activation, q, sigma_w2)) / 2
