"""Singular values of the input-output Jacobian of random networks, layer after layer.

Pre-activations are z^(l) = W^(l) φ(z^(l-1)) + b^(l), the input a point whose first pre-activations
have the variance q: nothing then changes with depth but the Jacobian
J^(l) = ∂φ(z^(l))/∂x = D^(l) W^(l) J^(l-1), D^(l) = diag φ'(z^(l)).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gradient_atlas.networks.activations import derivative, get_activation
from gradient_atlas.networks.initialization import get_initialization
from gradient_atlas.networks.products import product


@dataclass(frozen=True)
class Ensemble:
    """Random networks of one kind.

    Attributes:
        activation: φ by name.
        initialization: ``normal``, independent entries of variance σ_w²/n, or ``orthogonal``, σ_w
            times a matrix uniform in the Haar measure.
        variance: q, of the pre-activations.
        sigma_w2, sigma_b2: σ_w² and the variance σ_b² of the biases.
        width: n, units of the input and of every layer.
    """

    activation: str
    initialization: str
    variance: float
    sigma_w2: float
    sigma_b2: float
    width: int


def singular_values(
    ensemble: Ensemble, depths: Sequence[int], seed: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each of the depths with the singular values (n,) of J there, the largest first.

    All of one network drawn from ``seed``, in float64.
    """
    n, generator = ensemble.width, torch.Generator().manual_seed(seed)
    phi = get_activation(ensemble.activation)
    x = torch.randn(n, 1, generator=generator, dtype=torch.float64)
    size = math.sqrt(n * (ensemble.variance - ensemble.sigma_b2) / ensemble.sigma_w2)
    x = x * (size / float(np.linalg.norm(x.numpy())))
    jacobian = torch.eye(n, dtype=torch.float64)
    for depth in range(1, max(depths) + 1):
        weight = _weight(ensemble, generator)
        bias = torch.randn(n, 1, generator=generator, dtype=torch.float64)
        z = product(weight, x) + math.sqrt(ensemble.sigma_b2) * bias
        jacobian = derivative(phi, z) * product(weight, jacobian)
        x = phi(z)
        if depth in depths:
            yield depth, np.linalg.svd(jacobian.numpy(), compute_uv=False)


def _weight(ensemble: Ensemble, generator: torch.Generator) -> Tensor:
    n, sigma_w = ensemble.width, math.sqrt(ensemble.sigma_w2)
    weight = torch.empty(n, n, dtype=torch.float64)
    if ensemble.initialization == "orthogonal":
        get_initialization("orthogonal")(weight, generator)
        return sigma_w * weight
    get_initialization("normal", sigma_w / math.sqrt(n))(weight, generator)
    return weight
