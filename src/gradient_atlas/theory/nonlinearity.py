"""An activation function as the theory sees it: φ and φ' on float64 arrays."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from gradient_atlas.networks import activations

Function = Callable[[np.ndarray], np.ndarray]

# Where a function is asked whether it is homogeneous; nothing is special about these numbers.
_PROBES = np.array([1e-3, 0.37, 1.0, 7.3, 1e3])


@dataclass(frozen=True)
class Nonlinearity:
    """φ and φ', elementwise on float64 arrays of any shape.

    ``slopes`` is (slope below 0, slope above 0) if φ is linear on either side of 0 and φ(0) = 0
    (ReLU, leaky ReLU, identity): its Gaussian expectations then have closed forms.
    """

    value: Function
    derivative: Function
    slopes: tuple[float, float] | None = None


def from_torch(function: Callable[[torch.Tensor], torch.Tensor]) -> Nonlinearity:
    """Wrap an elementwise torch function; φ' comes from autograd, both are taken in float64."""

    def value(u: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return function(torch.as_tensor(u, dtype=torch.float64)).numpy()

    def derivative(u: np.ndarray) -> np.ndarray:
        if function in activations.INTO:  # by the kernel that autograd calls
            points = torch.as_tensor(u, dtype=torch.float64)
            return activations.derivative(function, points).numpy()
        points = torch.as_tensor(u, dtype=torch.float64).clone().requires_grad_(True)
        outputs = function(points)
        if not outputs.requires_grad:  # a piecewise constant function such as sign
            return np.zeros(np.shape(u))
        (gradient,) = torch.autograd.grad(outputs.sum(), points)
        return gradient.numpy()

    return Nonlinearity(value, derivative, slopes_of(value))


def slopes_of(value: Function) -> tuple[float, float] | None:
    """Slopes of φ on either side of 0 if φ is positively homogeneous of degree 1, else None."""
    below, above = -value(-_PROBES) / _PROBES, value(_PROBES) / _PROBES
    homogeneous = all(np.allclose(side, side[0], rtol=1e-12, atol=0) for side in (below, above))
    return (float(below[0]), float(above[0])) if homogeneous else None
