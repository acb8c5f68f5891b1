"""Derivatives of losses of a few numbers, written out: of these autograd takes 100 µs for 5.

Each line is an operation that autograd makes, in its order, so that no bit differs from it; a plain
float is rounded as a tensor's number is. ``losses`` has the functions. x̄ is the derivative by x of
⟨∇L, v⟩, whose gradient ∇²L v is.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Pair(NamedTuple):
    """``losses.Derivatives`` of a loss of two numbers θ_1, θ_2.

    ``of_pair`` gives L and ∂L/∂θ_1, ∂L/∂θ_2; ``products`` the two numbers of ∇²L v from θ and v.
    """

    of_pair: Callable[[float, float], tuple[float, float, float]]
    products: Callable[[float, float, float, float], tuple[float, float]]

    def value_and_gradient(self, theta: Tensor) -> tuple[float, Tensor]:
        """L(θ) and ∇L(θ), shape (2,)."""
        value, *slope = self.of_pair(*theta.tolist())
        return value, torch.tensor(slope, dtype=torch.float64)

    def hessian_at(self, theta: Tensor) -> Callable[[Tensor], Tensor]:
        """The map of v to ∇²L(θ) v, both (2,)."""
        place = theta.tolist()

        def product(vector: Tensor) -> Tensor:
            found = self.products(*place, *vector.tolist())
            return torch.tensor(found, dtype=torch.float64)

        return product


class Diagonal(NamedTuple):
    """``losses.Derivatives`` of ½ Σ_i λ_i θ_i² with the ``eigenvalues`` λ (d,)."""

    eigenvalues: Tensor

    def value_and_gradient(self, theta: Tensor) -> tuple[float, Tensor]:
        """L(θ) and ∇L(θ), shape (d,)."""
        theta = theta.detach()
        scaled = self.eigenvalues * theta
        value = 0.5 * (scaled * theta).sum()
        return value.item(), 0.5 * scaled + 0.5 * theta * self.eigenvalues

    def hessian_at(self, theta: Tensor) -> Callable[[Tensor], Tensor]:
        """The map of v to λ v, both (d,)."""
        return lambda v: v * 0.5 * self.eigenvalues + v * self.eigenvalues * 0.5


def _rosenbrock(x: float, y: float) -> tuple[float, float, float]:
    a, c = 1.0 - x, y - x * x
    value = a * a + 100.0 * (c * c)
    of_c = 100.0 * (2.0 * c)
    # + 0: what autograd adds into zeros is never -0.
    return value, -of_c * (2.0 * x) - 2.0 * a + 0.0, of_c + 0.0


def _rosenbrock_product(x: float, y: float, v: float, w: float) -> tuple[float, float]:
    of_c = 100.0 * (2.0 * (y - x * x))
    c_bar = (w - v * (2.0 * x)) * 100.0 * 2.0
    x_bar = v * -of_c * 2.0 - c_bar * (2.0 * x)
    return x_bar + v * 2.0 + 0.0, c_bar + 0.0


def _two_factor(x: float, y: float) -> tuple[float, float, float]:
    w = 1.0 - x * y
    of_product = -(0.5 * (2.0 * w))
    return 0.5 * (w * w), of_product * y + 0.0, of_product * x + 0.0


def _two_factor_product(x: float, y: float, v: float, w: float) -> tuple[float, float]:
    of_product = -(0.5 * (2.0 * (1.0 - x * y)))
    bar = -(-(w * x + v * y) * 0.5 * 2.0)
    return w * of_product + bar * y + 0.0, v * of_product + bar * x + 0.0


ROSENBROCK = Pair(_rosenbrock, _rosenbrock_product)
TWO_FACTOR = Pair(_two_factor, _two_factor_product)
