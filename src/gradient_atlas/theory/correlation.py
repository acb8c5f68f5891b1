r"""How alike two inputs stay, and how deep a signal reaches, on the (σ_w, σ_b) plane.

Poole et al. (2016), "Exponential expressivity in deep neural networks through transient chaos",
eqs. 4 and 5; Schoenholz et al. (2017), "Deep information propagation", eqs. 5 to 9. At the fixed
point q* of the variance, two inputs whose pre-activations have the correlation c go on with

    C(c) = (σ_w² E[φ(u) φ(v)] + σ_b²) / q*,    u, v ~ N(0, q*) of correlation c,

c = 1 is always a fixed point, and χ₁ = C'(1) = σ_w² E[φ'²] says whether it attracts (ordered,
χ₁ < 1) or repels (chaotic, χ₁ > 1). Small distances from the fixed points q* and c* go as
exp(-l/ξ):

    1/ξ_q = -ln(σ_w² E[φ'² + φ'' φ]),    1/ξ_c = -ln(σ_w² E[φ'(u) φ'(v)]),  u, v of correlation c*.

E[φ'² + φ'' φ] is V'(q*)/σ_w², and is taken from V by the Gaussian identity
dE[f(√q z)]/dq = E[(z² - 1) f(√q z)] / (2q), which asks for no second derivative.
"""

import math

import numpy as np
from scipy.optimize import brentq

from gradient_atlas.theory.gaussian import derivative_dual, dual, rule
from gradient_atlas.theory.mean_field import chi
from gradient_atlas.theory.nonlinearity import Nonlinearity

_NEARLY_ONE = 1 - 1e-9  # c = 1 is a root itself: the other one is looked for below


def correlation_map(
    activation: Nonlinearity, c: float, q: float, sigma_w2: float, sigma_b2: float = 0.0
) -> float:
    """C(c): the correlation one layer up, both variances being q = q*."""
    return (sigma_w2 * float(dual(activation, _pair(c, q))[0, 1]) + sigma_b2) / q


def correlation_slope(activation: Nonlinearity, c: float, q: float, sigma_w2: float) -> float:
    """C'(c) = σ_w² E[φ'(u) φ'(v)]; χ₁ for c = 1."""
    if c == 1:
        return chi(activation, q, sigma_w2)
    return sigma_w2 * float(derivative_dual(activation, _pair(c, q))[0, 1])


def correlation_fixed_point(
    activation: Nonlinearity, q: float, sigma_w2: float, sigma_b2: float = 0.0
) -> float:
    """c* that attracts: 1 in the ordered phase, below it in the chaotic one.

    C is convex on [0, 1] (a power series with squares for coefficients), so that beside 1 it has at
    most one other fixed point there.
    """
    if chi(activation, q, sigma_w2) <= 1:
        return 1.0

    def excess(c: float) -> float:
        return correlation_map(activation, c, q, sigma_w2, sigma_b2) - c

    # C(0) is at least 0 and the slope at 1 is above 1: C - c changes its sign once between them.
    if excess(0.0) <= 1e-14:
        return 0.0
    if excess(_NEARLY_ONE) >= 0:
        return 1.0  # the chaotic phase is too near to be told from the edge
    return float(brentq(excess, 0.0, _NEARLY_ONE, xtol=1e-14))


def variance_slope(activation: Nonlinearity, q: float, sigma_w2: float) -> float:
    """V'(q) = σ_w² E[φ'² + φ'' φ] at q > 0."""
    nodes, weights = rule()
    squares = activation.value(math.sqrt(q) * nodes) ** 2
    return sigma_w2 * float(((nodes**2 - 1) * squares) @ weights) / (2 * q)


def variance_depth(activation: Nonlinearity, q: float, sigma_w2: float) -> float:
    """ξ_q in layers; inf where the variance keeps its distance from q* = q or leaves it."""
    return _depth(variance_slope(activation, q, sigma_w2))


def correlation_depth(
    activation: Nonlinearity, q: float, sigma_w2: float, sigma_b2: float = 0.0
) -> float:
    """ξ_c in layers, how deep two inputs can be told apart; inf on the edge of chaos."""
    c = correlation_fixed_point(activation, q, sigma_w2, sigma_b2)
    return _depth(correlation_slope(activation, c, q, sigma_w2))


def _depth(slope: float) -> float:
    if slope >= 1:
        return math.inf
    return -1 / math.log(slope) if slope > 0 else 0.0


def _pair(c: float, q: float) -> np.ndarray:
    return q * np.array([[1.0, c], [c, 1.0]])
