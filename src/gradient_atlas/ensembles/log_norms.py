"""Squared norms in random ReLU networks, of one input forward and of one error signal backward.

z = W a and a' = max(z, 0) with entries of W from N(0, 2/n) (He et al. 2015), and on the way back
Wᵀ e with e = 1[z > 0] ⊙ δ. Both use the same W, but of it no more than these two products. Given z,

    Wᵀ e = a (z·e)/‖a‖² + (1 - a aᵀ/‖a‖²) h,    h ~ N(0, (2/n) ‖e‖² 1) independent of z,

since the rows of a Gaussian matrix are, orthogonally to a, independent of z. So a layer costs n
normal numbers in each direction and not n², and the law is that of the network itself.
"""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


def log_norms(
    width: int, depths: Sequence[int], networks: int, seed: int
) -> Iterator[dict[str, object]]:
    """Yield for each of the depths the logarithms (networks,) of two squared norms.

    ``log_activation``: of the activation after so many layers over that of the input;
    ``log_gradient``: of the error signal so many layers below the output over that at the output,
    in networks as deep as the largest of the depths. -inf where a layer has no unit that is on.
    All in float64.
    """
    generator = torch.Generator().manual_seed(seed)
    shape, deepest = (networks, width), max(depths)

    def normal() -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    activations = [torch.ones(shape, dtype=torch.float64)]
    pre_activations = []
    for _ in range(deepest):
        scale = math.sqrt(2 / width) * _norm(activations[-1])
        pre_activations.append(scale * normal())
        activations.append(torch.relu(pre_activations[-1]))
    forward = [2 * torch.log(_norm(activations[depth])).flatten() for depth in depths]
    signal = normal()
    start, backward = 2 * torch.log(_norm(signal)).flatten(), {}
    for depth in range(1, deepest + 1):
        z, a = pre_activations[-depth], activations[-depth - 1]
        signal = torch.where(z > 0, signal, 0.0)
        h = math.sqrt(2 / width) * _norm(signal) * normal()
        along = ((z * signal).sum(1, keepdim=True) - (a * h).sum(1, keepdim=True)) / _square(a)
        signal = h + along * a
        if depth in depths:
            backward[depth] = 2 * torch.log(_norm(signal)).flatten() - start
    for depth, activation in zip(depths, forward, strict=True):
        yield {
            "depth": depth,
            "log_activation": (activation - math.log(width)).numpy(),
            "log_gradient": backward[depth].numpy(),
        }


def _square(x: Tensor) -> Tensor:
    return (x * x).sum(1, keepdim=True)


def _norm(x: Tensor) -> Tensor:
    return torch.sqrt(_square(x))
