r"""Gaussian expectations of activation functions, in one variable and in two correlated ones.

One variable. E[f(√q z)] with z ~ N(0, 1) is a composite Gauss-Legendre sum against the Gaussian
density. Panels meet at 0 and shrink towards it by factors of two, so that a kink or a jump at 0
costs nothing and a function that is steep near 0 (tanh at q = 100) is resolved. Plain
Gauss-Hermite puts nodes on both sides of a kink and is per cents off there.

Two variables. For (u, v) with variances q_i, q_j and correlation ρ, Mehler's formula gives
(Daniely, Frostig & Singer 2016, "Toward deeper understanding of neural networks", Lemma 11)

    E[f(u) f(v)] = Σ_k c_k(q_i) c_k(q_j) ρ^k,    c_k(q) = E[f(√q z) h_k(z)],

with h_k the Hermite polynomials normalised so that E[h_k²] = 1. The sum over k is cut at an order
K; Parseval's remainder, E[f(√q z)²] - Σ_{k≤K} c_k(q)², is known exactly and is put at order K + 1,
which makes ρ = 1 exact and leaves an error below remainder · (1 - |ρ|^{K+1}) elsewhere.
For functions with a constant slope on either side of 0 the arc-cosine kernels of
Cho & Saul (2009), "Kernel methods for deep learning", eq. 1 and section 2.1, take its place.
"""

from functools import cache

import numpy as np

from gradient_atlas.theory.nonlinearity import Function, Nonlinearity

MAXIMUM_ORDER = 128
TOLERANCE = 1e-10  # of the remainder, relative to E[f²]
_HALVINGS = 20  # the innermost panel is [0, 2^-20]
_REACH = 14.0  # |h_k(z)| exp(-z²/2) < exp(-z²/4) = 5e-22 there
_POINTS = 12  # Gauss-Legendre nodes a panel
_ROWS = 64  # of a power series at a time: they stay in the cache


@cache
def rule() -> tuple[np.ndarray, np.ndarray]:
    """Nodes z (N,) and weights (N,) with Σ w f(z) = E[f(z)], z ~ N(0, 1); exact across 0."""
    edges = np.concatenate([[0.0], 2.0 ** np.arange(-_HALVINGS, 0), np.arange(1.0, _REACH, 0.5)])
    points, weights = np.polynomial.legendre.leggauss(_POINTS)
    half_widths = np.diff(edges)[:, None] / 2
    positive = (edges[:-1, None] + half_widths * (1 + points)).ravel()
    mass = (half_widths * weights).ravel() * np.exp(-(positive**2) / 2) / np.sqrt(2 * np.pi)
    return np.concatenate([-positive[::-1], positive]), np.concatenate([mass[::-1], mass])


@cache
def hermite_polynomials() -> np.ndarray:
    """h_k at the nodes of ``rule``, k = 0 .. MAXIMUM_ORDER: shape (K + 1, N)."""
    nodes, _ = rule()
    polynomials = [np.ones_like(nodes), nodes]
    for k in range(1, MAXIMUM_ORDER):
        next_one = (nodes * polynomials[k] - np.sqrt(k) * polynomials[k - 1]) / np.sqrt(k + 1)
        polynomials.append(next_one)
    return np.stack(polynomials)


def expectation(function: Function, variance: np.ndarray | float) -> np.ndarray:
    """E[function(√q z)] for each entry q of ``variance``; the result has the shape of it."""
    nodes, weights = rule()
    scale = np.sqrt(np.asarray(variance, dtype=np.float64))
    return function(scale[..., None] * nodes) @ weights


def second_moment(activation: Nonlinearity, variance: np.ndarray | float) -> np.ndarray:
    """E[φ(√q z)²], elementwise in q."""
    variance = np.asarray(variance, dtype=np.float64)
    if activation.slopes is not None:
        return variance * (activation.slopes[0] ** 2 + activation.slopes[1] ** 2) / 2
    return expectation(lambda u: activation.value(u) ** 2, variance)


def derivative_second_moment(activation: Nonlinearity, variance: np.ndarray | float) -> np.ndarray:
    """E[φ'(√q z)²], elementwise in q."""
    variance = np.asarray(variance, dtype=np.float64)
    if activation.slopes is not None:
        mean_square = (activation.slopes[0] ** 2 + activation.slopes[1] ** 2) / 2
        return np.full(variance.shape, mean_square)
    return expectation(lambda u: activation.derivative(u) ** 2, variance)


def mean(activation: Nonlinearity, variance: np.ndarray | float) -> np.ndarray:
    """E[φ(√q z)], elementwise in q."""
    if activation.slopes is not None:
        below, above = activation.slopes
        return (above - below) * np.sqrt(np.asarray(variance) / (2 * np.pi))
    return expectation(activation.value, variance)


def correlation(kernel: np.ndarray) -> np.ndarray:
    """ρ_ij = K_ij / √(K_ii K_jj) of a positive semi-definite (B, B) kernel, clipped to [-1, 1]."""
    scale = np.sqrt(np.diagonal(kernel))
    scale = np.where(scale > 0, scale, 1.0)
    return np.clip(kernel / scale[:, None] / scale[None, :], -1.0, 1.0)


def dual(activation: Nonlinearity, kernel: np.ndarray) -> np.ndarray:
    """E[φ(u_i) φ(u_j)] for (u_1 .. u_B) ~ N(0, kernel): (B, B) to (B, B)."""
    if activation.slopes is not None:
        below, above = activation.slopes
        rho, scale = correlation(kernel), np.sqrt(np.diagonal(kernel))
        same, opposite = _arc_cosine_1(rho), _arc_cosine_1(-rho)
        unit = (below**2 + above**2) * same - 2 * below * above * opposite
        return unit * scale[:, None] * scale[None, :]
    return _mehler(_at_nodes(activation.value, kernel), kernel)


def dual_and_mean(activation: Nonlinearity, kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``dual`` of the kernel and ``mean`` of its diagonal, from the same values of φ."""
    if activation.slopes is not None:
        return dual(activation, kernel), mean(activation, np.diagonal(kernel))
    values = _at_nodes(activation.value, kernel)
    return _mehler(values, kernel), values @ rule()[1]


def derivative_dual(activation: Nonlinearity, kernel: np.ndarray) -> np.ndarray:
    """E[φ'(u_i) φ'(u_j)] for (u_1 .. u_B) ~ N(0, kernel): (B, B) to (B, B)."""
    if activation.slopes is not None:
        below, above = activation.slopes
        rho = correlation(kernel)
        same, opposite = _arc_cosine_0(rho), _arc_cosine_0(-rho)
        return (below**2 + above**2) * same + 2 * below * above * opposite
    return _mehler(_at_nodes(activation.derivative, kernel), kernel)


def paired(first: Function, second: Function, kernel: np.ndarray) -> np.ndarray:
    """E[f(u_i) g(u_j)] for (u_1 .. u_B) ~ N(0, kernel): (B, B) to (B, B).

    Mehler's series as in the module's docstring; the remainder at ρ = 1 is known here too, from the
    same nodes, and is put behind the last term.
    """
    nodes, weights = rule()
    points = np.sqrt(np.diagonal(kernel))[:, None] * nodes
    left, right = first(points) * weights, second(points)
    together = left @ right.T
    right = right * weights
    rho = correlation(kernel)
    polynomials = hermite_polynomials()
    left, right = left @ polynomials.T, right @ polynomials.T  # (B, K + 1)
    # What is left at ρ = 1 and equal variances, for the least of both functions.
    left_over = [np.cumsum(side[:, ::-1] ** 2, axis=1)[:, ::-1] for side in (left, right)]
    small = np.ones(MAXIMUM_ORDER + 1, dtype=bool)
    for rest in left_over:
        small &= np.all(rest <= TOLERANCE * rest[:, :1], axis=0)
    last = int(np.argmax(small)) if small.any() else MAXIMUM_ORDER
    rest = together - left[:, : last + 1] @ right[:, : last + 1].T
    return _power_series(rho, left[:, : last + 1], right[:, : last + 1], rest)


def _arc_cosine_0(rho: np.ndarray) -> np.ndarray:
    """P(u > 0, v > 0) for unit Gaussians of correlation ρ."""
    return (np.pi - np.arccos(rho)) / (2 * np.pi)


def _arc_cosine_1(rho: np.ndarray) -> np.ndarray:
    """E[max(u, 0) max(v, 0)] for unit Gaussians of correlation ρ."""
    return (np.sqrt(1 - rho**2) + rho * (np.pi - np.arccos(rho))) / (2 * np.pi)


def _at_nodes(function: Function, kernel: np.ndarray) -> np.ndarray:
    """f(√K_ii z) at the nodes z of ``rule``: (B, N)."""
    nodes, _ = rule()
    return function(np.sqrt(np.diagonal(kernel))[:, None] * nodes)


def _mehler(values: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """E[f(u_i) f(u_j)] as the power series in ρ of the module's docstring; values: f's (B, N)."""
    _, weights = rule()
    values = values * weights
    exact = np.sum(values**2 / weights, axis=1)
    rho = correlation(kernel)
    coefficients = values @ hermite_polynomials().T  # (B, K + 1)
    remainders = np.maximum(exact[:, None] - np.cumsum(coefficients**2, axis=1), 0.0)
    small = np.all(remainders <= TOLERANCE * exact[:, None], axis=0)
    order = int(np.argmax(small)) if small.any() else MAXIMUM_ORDER
    last = np.sqrt(remainders[:, order])
    known = coefficients[:, : order + 1]
    result = _power_series(rho, known, known, last[:, None] * last[None, :])
    np.fill_diagonal(result, exact)
    return result


def _power_series(
    rho: np.ndarray, left: np.ndarray, right: np.ndarray, rest: np.ndarray
) -> np.ndarray:
    """Σ_k left_ik right_jk ρ_ij^k for k = 0 .. K, and rest_ij ρ_ij^(K+1): rest, overwritten."""
    left, right = left.T.copy(), right.T.copy()
    for first in range(0, len(rho), _ROWS):
        rows = slice(first, first + _ROWS)
        result, factor = rest[rows], rho[rows]
        term = np.empty_like(result)
        for left_k, right_k in zip(left[::-1], right[::-1], strict=True):  # Horner's scheme in ρ
            result *= factor
            result += np.multiply(left_k[rows, None], right_k, out=term)
    return rest
