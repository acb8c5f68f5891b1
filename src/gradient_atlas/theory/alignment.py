r"""Why the signal of a residual network grows by more than independent weights allow.

Per unit and for example i let a = a^(l), g = ∂ℓ_i/∂a^(l), and one residual layer below

    a = a' + s φ(z),   z = w + b,   w = W a',        g' = g + s W^T v,   v = φ'(z) ⊙ g.

W is not independent of g, since z depends on W, and g on a. Given w, W is w a'^T/‖a'‖² and a rest
that is independent of everything above, so that

    g' = g + s c a' + s u,    c = ⟨w, v⟩ / ‖a'‖²  =  σ_w² E[∂(φ'(z) g)/∂z]  (Stein's lemma),

u orthogonal to a' and otherwise Gaussian of variance σ_w² ‖v‖²/n a unit. c does not vanish where g
depends on z, and g does: split it into what a predicts and the rest,

    g = β a + γ 1 + ν,     ν orthogonal to a and to 1 = (1, .., 1).

φ(z) has a mean h, which a keeps, so that a layer sends (β, γ) on by a linear map,

    β' = β + s c,   γ' = γ + s h β,   c = (β (μ' E[τ] + s E[τ φ]) + γ E[τ]) / A',   τ = w φ'(z),

A' = E[a'²], μ' = E[a'] over units. Its eigenvalue exceeds the growth of ν, whose square obeys the
recursion of independent weights, N' = N + s² σ_w² E[v²] + s² β² Var(φ): the part along a is 1/n of
the square at the output, and leads after some ln n layers over ln of the ratio of both growths a
layer: many more than ln n where s is small. For a homogeneous φ without biases
τ = φ, and the map keeps ⟨g, a⟩ = z·∂ℓ/∂z of the logits, which is Euler's theorem; no other φ has
such a law. There ⟨g, a⟩ also takes up, in each layer, the overlap of ν with τ - φ (variance 1/n),
as the mean of g takes up that of ν with τ and the mean of u.

β and γ are random, so their second moments over networks are followed, and for a batch their Gram
matrices: the map acts on both sides, and E[v_i v_j], E[τ_i τ_j] are Gaussian expectations in two
variables. With biases, w = r z + an independent part, r = σ_w² A' / E[z²]. Checked in the tests
against networks of finite width.
"""

from dataclasses import dataclass

import numpy as np

from gradient_atlas.theory.gaussian import derivative_dual
from gradient_atlas.theory.nonlinearity import Nonlinearity
from gradient_atlas.theory.products import (
    Covariances,
    covariances,
    products_of_products,
    slope_by_product,
)


@dataclass(frozen=True)
class Signal:
    """∂ℓ_i/∂a^(l) of B examples, second moments over networks, summed over the n units.

    Each is (B, B): ``noise`` E[ν_i·ν_j], ``slopes`` n E[β_i β_j], ``mixed`` n E[β_i γ_j],
    ``offsets`` n E[γ_i γ_j].
    """

    noise: np.ndarray
    slopes: np.ndarray
    mixed: np.ndarray
    offsets: np.ndarray

    def scaled(self, factor: float) -> "Signal":
        """All second moments times ``factor``."""
        return Signal(
            self.noise * factor, self.slopes * factor, self.mixed * factor, self.offsets * factor
        )


@dataclass(frozen=True)
class Layer:
    """A residual layer of B examples: ``moment`` A' (B, B) and ``average`` μ' (B,) below it.

    ``above`` and ``above_average`` are A and μ of its output, ``kernel`` that of z, ``linear`` that
    of w = W a'; ``scale`` is s and ``sigma_w2`` n Var(W).
    """

    moment: np.ndarray
    average: np.ndarray
    above: np.ndarray
    above_average: np.ndarray
    kernel: np.ndarray
    linear: np.ndarray
    scale: float
    sigma_w2: float


def top_signal(
    gram: np.ndarray,
    products: np.ndarray,
    moment: np.ndarray,
    average: np.ndarray,
    variance: float,
    width: int,
) -> Signal:
    """The signal that enters the last hidden layer, W^T (p - y) of the output layer.

    Args:
        gram: E[(p_i - y_i)·(p_j - y_j)].
        products: E[C_i C_j], C_i = (W a_i)·(p_i - y_i).
        moment: A of the last hidden layer.
        average: μ of it.
        variance: Var(W) of the output layer.
        width: n.
    """
    tilt = average / np.diagonal(moment)
    overlaps = products / width
    means = overlaps * np.outer(tilt, tilt) + variance * gram * _ones(moment, average)
    parts = _coefficients(overlaps, overlaps * tilt[None, :], means, moment, average)
    aligned = _aligned(parts, moment, average)
    return Signal(width * variance * gram - aligned, *parts)


def passed(
    activation: Nonlinearity,
    kernel: np.ndarray,
    signal: Signal,
    moment: np.ndarray,
    average: np.ndarray,
    scale: float,
) -> np.ndarray:
    """E[v_i·v_j] with v = φ'(z) (β (a' + s φ(z)) + γ + ν), (B, B), summed over units."""
    parts = signal.slopes, signal.mixed, signal.offsets
    direct = _aligned(parts, moment, average) + signal.noise
    # (β_i μ_i + γ_i) β_j s E[φ'_i (φ' φ)_j], and the same with i and j exchanged.
    once = scale * (signal.slopes * average[:, None] + signal.mixed.T)
    once = once * slope_by_product(activation, kernel)
    twice = scale**2 * signal.slopes * products_of_products(activation, kernel)
    return derivative_dual(activation, kernel) * direct + once + once.T + twice


def sent_on(
    activation: Nonlinearity, layer: Layer, signal: Signal, width: int, through: np.ndarray
) -> Signal:
    """The signal below a residual layer, from that above it and what of it has ``passed``."""
    s, size, average = layer.scale, np.diagonal(layer.moment), layer.average
    found = covariances(activation, layer.kernel, layer.linear)
    h, tau = found.value, found.stretched
    # The map of (β, γ), which acts on the left and on the right.
    grown = 1 + s / size * (average * tau + s * (np.diagonal(found.stretched_value) + tau * h))
    tilted, lifted = s / size * tau, s * h
    slopes, mixed, offsets = signal.slopes, signal.mixed, signal.offsets
    half = grown[:, None] * slopes + tilted[:, None] * mixed.T
    half_mixed = grown[:, None] * mixed + tilted[:, None] * offsets
    cross = lifted[:, None] * mixed
    noise = signal.noise + s**2 * (layer.sigma_w2 * through + slopes * found.values)
    added = _taken_up(layer, found, signal.noise / width, through / width)
    return Signal(
        noise - _aligned(added, layer.moment, average),
        half * grown[None, :] + half_mixed * tilted[None, :] + added[0],
        half * lifted[None, :] + half_mixed + added[1],
        np.outer(lifted, lifted) * slopes + cross + cross.T + offsets + added[2],
    )


def _taken_up(
    layer: Layer, found: Covariances, noise: np.ndarray, through: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What ν and u add to the second moments of β and γ, by way of ⟨g, a'⟩/n and the mean of g."""
    s, average = layer.scale, layer.average
    spread = layer.above - np.outer(layer.above_average, layer.above_average)
    units = np.diagonal(spread)

    def free(both: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Cov(f_i, g_j) when f_i is freed of a_i and g_j of a_j; left is s Cov(f_i, φ_j)."""
        by_left, by_right = np.diagonal(left) / units, np.diagonal(right) / units
        return (
            both
            - by_left[:, None] * right.T
            - left * by_right[None, :]
            + np.outer(by_left, by_right) * spread
        )

    value, stretched = s * found.values, s * found.stretched_value
    tau_tau = free(found.stretches, stretched, stretched)
    tau_phi = free(found.stretched_value, stretched, value)
    phi_phi = free(found.values, value, value)
    tilt = average / np.diagonal(layer.moment)
    share = s**2 * noise
    overlaps = share * (tau_tau - tau_phi - tau_phi.T + phi_phi)
    overlaps_means = share * (tau_tau - tau_phi.T) * tilt[None, :]
    means = share * tau_tau * np.outer(tilt, tilt)
    means = means + s**2 * layer.sigma_w2 * through * _ones(layer.moment, average)
    return _coefficients(overlaps, overlaps_means, means, layer.moment, average)


def _coefficients(
    overlaps: np.ndarray,
    overlaps_means: np.ndarray,
    means: np.ndarray,
    moment: np.ndarray,
    average: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Second moments of (β, γ) from those of (⟨g, a⟩/n, mean of g), in the order of ``Signal``."""
    size = np.diagonal(moment)
    spread = size - average**2
    left, right = average[:, None], average[None, :]
    scale = np.outer(spread, spread)
    from_left = size[:, None] * means - left * overlaps_means
    slopes = overlaps - overlaps_means * right - left * overlaps_means.T + left * right * means
    # β_i γ_j: (p_i - μ_i m_i) (A_j m_j - μ_j p_j)
    mixed = (
        overlaps_means * size[None, :]
        - overlaps * right
        - left * means * size[None, :]
        + left * overlaps_means.T * right
    )
    # γ_i γ_j: (A_i m_i - μ_i p_i) (A_j m_j - μ_j p_j)
    offsets = from_left * size[None, :] - right * (
        size[:, None] * overlaps_means.T - left * overlaps
    )
    return slopes / scale, mixed / scale, offsets / scale


def _aligned(
    parts: tuple[np.ndarray, np.ndarray, np.ndarray], moment: np.ndarray, average: np.ndarray
) -> np.ndarray:
    """Gram matrix of β a + γ 1."""
    slopes, mixed, offsets = parts
    cross = mixed * average[:, None]
    return slopes * moment + cross + cross.T + offsets


def _ones(moment: np.ndarray, average: np.ndarray) -> np.ndarray:
    """Gram matrix, a unit, of 1 freed of a_i."""
    tilt = average / np.diagonal(moment)
    cross = np.outer(tilt, average)
    return 1 - cross - cross.T + np.outer(tilt, tilt) * moment
