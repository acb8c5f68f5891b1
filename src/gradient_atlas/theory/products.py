r"""Gaussian expectations of products of φ(z), φ'(z) and of the stretched τ = w φ'(z).

z = w + b with w ~ N(0, linear) and biases b independent of it, so that z ~ N(0, kernel). Given z, w
is r z and a rest, r = linear_ii / kernel_ii; without biases w = z. Where φ is linear on either side
of 0, z φ'(z) = φ(z) and all have closed forms.
"""

from dataclasses import dataclass

import numpy as np

from gradient_atlas.theory.gaussian import (
    correlation,
    derivative_dual,
    dual,
    expectation,
    mean,
    paired,
)
from gradient_atlas.theory.nonlinearity import Function, Nonlinearity


@dataclass(frozen=True)
class Covariances:
    """Means (B,) of φ and τ, and covariances (B, B) of φ_i φ_j, τ_i φ_j and τ_i τ_j."""

    value: np.ndarray
    stretched: np.ndarray
    values: np.ndarray
    stretched_value: np.ndarray
    stretches: np.ndarray


def covariances(activation: Nonlinearity, kernel: np.ndarray, linear: np.ndarray) -> Covariances:
    """Means and covariances of φ(z) and τ over the units of a layer."""
    variances = np.diagonal(kernel)
    kept = np.diagonal(linear) / np.where(variances > 0, variances, 1.0)
    rest = (linear - np.outer(kept, kept) * kernel) * derivative_dual(activation, kernel)
    h = mean(activation, variances)
    values = dual(activation, kernel) - np.outer(h, h)
    if activation.slopes is not None:
        tau, cross, itself = h, values, values
    else:
        stretch = _stretch(activation)
        tau = expectation(stretch, variances)
        cross = paired(stretch, activation.value, kernel) - np.outer(tau, h)
        itself = paired(stretch, stretch, kernel) - np.outer(tau, tau)
    itself = np.outer(kept, kept) * itself + rest
    return Covariances(h, kept * tau, values, kept[:, None] * cross, itself)


def slope_by_product(activation: Nonlinearity, kernel: np.ndarray) -> np.ndarray:
    """E[φ'(z_i) φ'(z_j) φ(z_j)]."""
    if activation.slopes is None:
        return paired(activation.derivative, _product(activation), kernel)
    below, above = activation.slopes
    rho = correlation(kernel)
    size = np.sqrt(np.diagonal(kernel) / (2 * np.pi))
    step, kink = above - below, above**2 - below**2
    return (below * kink + step * below**2 * rho + step * kink * (1 + rho) / 2) * size[None, :]


def products_of_products(activation: Nonlinearity, kernel: np.ndarray) -> np.ndarray:
    """E[φ'(z_i) φ(z_i) φ'(z_j) φ(z_j)]."""
    product = _product(activation)
    if activation.slopes is None:
        return paired(product, product, kernel)
    # φ' φ is homogeneous as well, with the squares of the slopes.
    below, above = activation.slopes
    return dual(Nonlinearity(product, activation.derivative, (below**2, above**2)), kernel)


def _stretch(activation: Nonlinearity) -> Function:
    return lambda z: z * activation.derivative(z)


def _product(activation: Nonlinearity) -> Function:
    return lambda z: activation.value(z) * activation.derivative(z)
