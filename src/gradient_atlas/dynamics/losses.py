"""Losses as functions of one flat parameter vector, with their gradient and Hessian by autograd.

A new loss is one function that returns a :class:`Loss`; everything else in ``dynamics`` follows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from gradient_atlas.dynamics.small_derivatives import ROSENBROCK, TWO_FACTOR, Diagonal
from gradient_atlas.errors import InputError


class Derivatives(Protocol):
    """What autograd finds of a loss, by other means: the same bits in less time."""

    def value_and_gradient(self, theta: Tensor) -> tuple[float, Tensor]:
        """L(θ) and ∇L(θ), shape (d,)."""

    def hessian_at(self, theta: Tensor) -> Callable[[Tensor], Tensor]:
        """The map of v to ∇²L(θ) v, both (d,)."""


@dataclass(frozen=True)
class Loss:
    """A scalar loss L(θ) and the point at which its experiments start.

    ``function`` takes θ of shape (d,) in float64 and returns a scalar tensor; it must be twice
    differentiable by torch.autograd, which is asked where there are no ``derivatives``. ``start``
    has shape (d,), float64.
    """

    name: str
    function: Callable[[Tensor], Tensor]
    start: Tensor
    derivatives: Derivatives | None = None


def value_and_gradient(loss: Loss, theta: Tensor) -> tuple[float, Tensor]:
    """L(θ) and ∇L(θ), shape (d,), detached, from one evaluation."""
    if loss.derivatives is not None:
        return loss.derivatives.value_and_gradient(theta)
    theta = theta.detach().requires_grad_(True)
    value = loss.function(theta)
    (slope,) = torch.autograd.grad(value, theta)
    return value.item(), slope.detach()


def gradient(loss: Loss, theta: Tensor) -> Tensor:
    """∇L(θ), shape (d,), detached."""
    return value_and_gradient(loss, theta)[1]


def hessian_at(loss: Loss, theta: Tensor) -> Callable[[Tensor], Tensor]:
    """The map of v to ∇²L(θ) v, both (d,), detached and in θ's precision.

    The graph of the gradient is built once and differentiated again for each product.
    """
    if loss.derivatives is not None:
        return loss.derivatives.hessian_at(theta)
    theta = theta.detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(loss.function(theta), theta, create_graph=True)

    def product(vector: Tensor) -> Tensor:
        if not slope.requires_grad:  # the gradient is constant: the loss is linear
            return torch.zeros_like(theta)
        # A number is differentiated: of vectors torch compares the shapes, and imports sympy.
        (image,) = torch.autograd.grad(slope @ vector, theta, retain_graph=True)
        return image.detach()

    return product


def hessian_vector_product(loss: Loss, theta: Tensor, vector: Tensor) -> Tensor:
    """∇²L(θ) v, shape (d,), detached, by differentiating ⟨∇L(θ), v⟩ (Pearlmutter 1994)."""
    return gradient_and_product(loss, theta, vector)[1]


def gradient_and_product(
    loss: Loss, theta: Tensor, vector: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """∇L(θ) and ∇²L(θ) v, each of shape (d,) and detached, from one graph; v = ∇L(θ) if None."""
    if loss.derivatives is not None:
        _, slope = loss.derivatives.value_and_gradient(theta)
        return slope, loss.derivatives.hessian_at(theta)(slope if vector is None else vector)
    theta = theta.detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(loss.function(theta), theta, create_graph=True)
    gradient = slope.detach()
    if not slope.requires_grad:  # the gradient is constant: the loss is linear
        return gradient, torch.zeros_like(gradient)
    weights = gradient if vector is None else vector
    # A number is differentiated: of vectors torch compares the shapes, for which it imports sympy.
    (product,) = torch.autograd.grad(slope @ weights, theta)
    return gradient, product.detach()


def _start(values: Sequence[float], dimension: int, name: str) -> Tensor:
    if len(values) != dimension:
        raise InputError(f"{name}: start has {len(values)} values, it must have {dimension}")
    return torch.tensor(list(values), dtype=torch.float64)


def quadratic(spectrum: Sequence[float], start: Sequence[float] | None = None) -> Loss:
    """½ Σ_i λ_i θ_i² in as many dimensions as ``spectrum`` has eigenvalues, from (1, ..., 1).

    Raises ``InputError`` for an empty spectrum or a start of another length.
    """
    if len(spectrum) == 0:
        raise InputError("quadratic: the spectrum is empty, it needs at least one eigenvalue")
    eigenvalues = torch.tensor(list(spectrum), dtype=torch.float64)

    def function(theta: Tensor) -> Tensor:
        return 0.5 * (eigenvalues * theta * theta).sum()

    values = [1.0] * len(spectrum) if start is None else start
    start_at = _start(values, len(spectrum), "quadratic")
    return Loss("quadratic", function, start_at, Diagonal(eigenvalues))


def rosenbrock(start: Sequence[float] = (-1.2, 1.0)) -> Loss:
    """(1 - θ_1)² + 100 (θ_2 - θ_1²)², minimum 0 at (1, 1) (Rosenbrock 1960, with his start)."""

    def function(theta: Tensor) -> Tensor:
        return (1.0 - theta[0]) ** 2 + 100.0 * (theta[1] - theta[0] ** 2) ** 2

    return Loss("rosenbrock", function, _start(start, 2, "rosenbrock"), ROSENBROCK)


def two_factor(start: Sequence[float] = (2.0, -1.9)) -> Loss:
    """½ (1 - θ_1 θ_2)²: the smallest network with depth, two linear layers of one unit each.

    The origin is a strict saddle, with Hessian eigenvalues +1 along (1, -1) and -1 along (1, 1);
    the minima are the hyperbola θ_1 θ_2 = 1, with sharpness θ_1² + θ_2² ≥ 2. The flow keeps
    θ_1² - θ_2² (Saxe et al. 2014, section 1), so its time to any loss is known in closed form;
    large-step descent does not (the catapult of Lewkowycz et al. 2020).
    """

    def function(theta: Tensor) -> Tensor:
        return 0.5 * (1.0 - theta[0] * theta[1]) ** 2

    return Loss("two_factor", function, _start(start, 2, "two_factor"), TWO_FACTOR)


def two_layer_linear(width: int, seed: int) -> Loss:
    """½ f², f = n^(-1/2) v·u: two linear layers of ``width`` n, one example x = 1, target 0.

    The model of Lewkowycz et al. (2020), section 2: θ is u, then v, each (n,), drawn from N(0, 1).
    Its sharpness at f = 0 is λ = (‖u‖² + ‖v‖²) / n, about 2 at the start.

    Raises ``InputError`` for a width below 1.
    """
    if width < 1:
        raise InputError(f"two_layer_linear: width {width} must be 1 or more")
    generator = torch.Generator().manual_seed(seed)
    start = torch.empty(2 * width, dtype=torch.float64).normal_(generator=generator)

    def function(theta: Tensor) -> Tensor:
        u, v = theta.split(width)
        return 0.5 * (u * v).sum().square() / width

    return Loss("two_layer_linear", function, start)
