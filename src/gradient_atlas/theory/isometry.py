r"""Moments of the squared singular values of a network's input-output Jacobian at criticality.

J = D^(L) W^(L) ... D^(1) W^(1) with D^(l) = diag φ'(z^(l)). Pennington, Schoenholz & Ganguli
(2017), "Resurrecting the sigmoid in deep learning through dynamical isometry", find by free
probability the moments m_k = (1/n) E tr (J Jᵀ)^k of a wide network. With μ_k = E[φ'(√q* z)^(2k)]
and χ = σ_w² μ_1

    m_1 = χ^L,    m_2 = χ^(2L) (1 + L (μ_2/μ_1² - 1 - s_1)),

s_1 the first coefficient of the S-transform of W Wᵀ: -1 for independent Gaussian entries of
variance σ_w²/n, 0 for σ_w times an orthogonal matrix. At χ = 1 the variance of the squared singular
values is therefore L (μ_2/μ_1² - 1 - s_1): it grows with depth for Gaussian weights whatever φ, and
for orthogonal ones only as far as the slopes differ.

A finite width n. Let M be any n by n matrix that is independent of W and of the diagonal D, and of
D the entries be independent. With a = E tr M², b = E (tr M)² and K = W M Wᵀ,

    Gaussian:    E K_ii² = σ_w⁴ (b + 2a)/n²,   E K_ij² = σ_w⁴ a/n²,   E K_ii K_jj = σ_w⁴ b/n²
    orthogonal:  E K_ii² = σ_w⁴ (b + 2a)/(n (n + 2)),   E tr K² = σ_w⁴ a,   E (tr K)² = σ_w⁴ b

(the fourth moments of a Gaussian vector, and of a point uniform on the sphere), so that the pair
(a, b) of D K D follows from that of M, and the mean over networks of the variance of one network's
squared singular values is (a - b/n)/n after L layers from M = 1. Much of what it exceeds the limit
by is a few networks whose singular values are all large: divided by the squared mean of its own
squared singular values, a network's variance keeps to the limit much longer. For ReLU without
biases the means are exact with Gaussian weights, since there the slopes are independent coins
(Hanin & Nica 2020,
"Products of many large random matrices and gradients in deep neural networks"); elsewhere it leaves
out what D and W have to do with each other, and that q fluctuates about q*.

The one place where that shows is the direction of the input itself. There J is the derivative of
the pre-activations' size, V'(q*) per layer (``correlation.variance_slope``; V' = exp(-1/ξ_q)): one
of n singular values falls to V'(q*)^L where V' < χ, however well all others keep to 1. That adds
about (1 - V'(q*)^(2L))²/n to the variance, which is nothing beside that of Gaussian weights and of
the order L/n beside that of orthogonal ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gradient_atlas.networks.activations import get_activation
from gradient_atlas.theory.correlation import variance_slope
from gradient_atlas.theory.gaussian import expectation, second_moment
from gradient_atlas.theory.nonlinearity import Nonlinearity, from_torch

# s_1 by the initialisation's name.
FIRST_COEFFICIENT = {"normal": -1.0, "orthogonal": 0.0}


@dataclass(frozen=True)
class CriticalPoint:
    """Where χ = 1: σ_w² and σ_b² at which q* is a fixed point; μ_2/μ_1² and V'(q*) there."""

    sigma_w2: float
    sigma_b2: float
    ratio: float
    radial: float


def slope_moment(activation: Nonlinearity, q: float, k: int) -> float:
    """μ_k = E[φ'(√q z)^(2k)]."""
    if activation.slopes is not None:
        return (activation.slopes[0] ** (2 * k) + activation.slopes[1] ** (2 * k)) / 2
    return float(expectation(lambda u: activation.derivative(u) ** (2 * k), q))


def critical_point(activation: Nonlinearity, q: float) -> CriticalPoint:
    """The point of the critical line at which pre-activations have the variance q.

    Raises:
        ValueError: there is none, since σ_b² would be negative.
    """
    first, second = (slope_moment(activation, q, k) for k in (1, 2))
    sigma_w2 = 1 / first
    sigma_b2 = q - sigma_w2 * float(second_moment(activation, q))
    if sigma_b2 < -1e-9 * q:
        raise ValueError(f"no critical point with q = {q:g}: σ_b² would be {sigma_b2:.3g}")
    radial = 1.0 if activation.slopes is not None else variance_slope(activation, q, sigma_w2)
    return CriticalPoint(sigma_w2, max(sigma_b2, 0.0), second / first**2, radial)


def variance_in_the_limit(depth: int, ratio: float, initialization: str) -> float:
    """L (μ_2/μ_1² - 1 - s_1), ``ratio`` being μ_2/μ_1²."""
    return depth * (ratio - 1 - FIRST_COEFFICIENT[initialization])


def variance_at_width(depth: int, ratio: float, initialization: str, width: int) -> float:
    """The mean over networks of width n of the variance of their squared singular values."""
    n = width
    a, b = float(n), float(n * n)
    for _ in range(depth):
        # Mean squares of W M Wᵀ on the diagonal and off it, and products of two of its diagonal.
        if initialization == "orthogonal":
            diagonal = (b + 2 * a) / (n + 2)
            a, b = ratio * diagonal + a - diagonal, ratio * diagonal + b - diagonal
        else:
            diagonal, rest = (b + 2 * a) / n, (n - 1) / n
            a, b = ratio * diagonal + rest * a, ratio * diagonal + rest * b
    return (a - b / n) / n


def radial_share(depth: int, radial: float, width: int) -> float:
    """(1 - V'^(2L))²/n: what the input's own direction adds to the variance; ``radial`` is V'."""
    return (1 - radial ** (2 * depth)) ** 2 / width


def predict_spectra(
    networks: dict[str, dict[str, Any]], depths: Sequence[int], width: int
) -> pd.DataFrame:
    """Return a row for each network and depth of the ensemble ``jacobian``.

    Args:
        networks: by name its activation, initialisation and ``variance`` q*.
        depths: numbers of layers.
        width: units of every layer.
    """
    rows = []
    for name, network in networks.items():
        activation = from_torch(get_activation(network["activation"]))
        point = critical_point(activation, network["variance"])
        kind = network["initialization"]
        for depth in depths:
            rows.append(
                {
                    "variant": name,
                    "depth": depth,
                    "sigma_w2": point.sigma_w2,
                    "sigma_b2": point.sigma_b2,
                    "slope_ratio": point.ratio,
                    "first_coefficient": FIRST_COEFFICIENT[kind],
                    "variance_in_the_limit": variance_in_the_limit(depth, point.ratio, kind),
                    "variance_at_width": variance_at_width(depth, point.ratio, kind, width),
                    "radial_share": radial_share(depth, point.radial, width),
                    "radial_singular_value": point.radial**depth,
                }
            )
    return pd.DataFrame(rows)
