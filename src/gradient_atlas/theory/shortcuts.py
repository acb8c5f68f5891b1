r"""Signals of convolutional networks at initialisation, in the limit of many channels.

A circular convolution of n_in = channels · kernel² inputs and weights of variance Var(W) acts on
mean squares over examples and places as a matrix of n_in columns does on a vector (Xiao et al.
2018, "Dynamical isometry and a mean field theory of CNNs", section 2). Backwards ‖∂ℓ/∂z‖² is
multiplied by n_in Var(W) E[φ'²] a layer; delta-orthogonal kernels have n_in Var(W) = 1.

Residual blocks x + s f(x), f = conv(relu(N(conv(relu(N(x)))))) with kernels after He. A kernel
after He keeps, with the ReLU before it, the mean square of what is symmetric about 0, forwards and
backwards:

    none        q_(l+1) = (1 + s²) q_l,   ‖∂ℓ/∂x_l‖² = (1 + s²) ‖∂ℓ/∂x_(l+1)‖²

(Zhang, Dauphin & Ma 2019, "Fixup initialization", section 2): 2 a block for s = 1, and
(1 + 1/L)^L < e altogether for s = 1/√L. Fixup's branches end in 0: a factor of 1.

With batch normalisation the branch forgets the size of x (De & Smith 2020, "Batch normalization
biases residual blocks towards the identity function"). What ReLU and He make of N(0, 1) has the
variance c = 1 - 1/π about each channel's mean over the batch. So the stream's variance v grows by
s² c a block, and a branch sends back 1/v_l from its first normalisation and 1/c from its second:

    batch_norm  v_(l+1) = v_l + s² c,     ‖∂ℓ/∂x_l‖² = (1 + s²/(c v_l)) ‖∂ℓ/∂x_(l+1)‖²,

a power of the depth. It takes the normalised channels for Gaussian, as they become with depth.
"""

import math

import numpy as np

from gradient_atlas.theory.gaussian import derivative_second_moment, second_moment
from gradient_atlas.theory.nonlinearity import Nonlinearity

BATCH_VARIANCE = 1 - 1 / math.pi  # c: 2 Var(relu(u)), u ~ N(0, 1)


def block_factors(blocks: int, normalization: str, branch: str, stem: float) -> np.ndarray:
    """(L,) factors of ‖∂ℓ/∂x‖², that of block l = 1 .. L at index l - 1.

    ``stem`` is the variance v_1 of what the first block is given; options as in
    ``networks.architectures.resnet``.
    """
    if branch == "fixup":
        return np.ones(blocks)
    scale2 = 1 / blocks if branch == "inverse_sqrt" else 1.0
    if normalization == "none":
        return np.full(blocks, 1 + scale2)
    variances = stem + scale2 * BATCH_VARIANCE * np.arange(blocks)
    return 1 + scale2 / (BATCH_VARIANCE * variances)


def stream_gains(factors: np.ndarray) -> np.ndarray:
    """(L,) log10 of ‖∂ℓ/∂x‖ at the output of block l over that at the output of the last one."""
    return _gains(factors[1:])


def convolution_gains(
    activation: Nonlinearity, weights: float, first: float, depth: int
) -> np.ndarray:
    """(L,) log10 of ‖∂ℓ/∂z^(l)‖ over that of the last convolution, l = 1 .. L.

    Args:
        activation: φ.
        weights: n_in Var(W) of the convolutions 2 .. L.
        first: mean square of z^(1).
        depth: L.
    """
    factors, q = [], first
    for _ in range(depth - 1):
        factors.append(weights * float(derivative_second_moment(activation, q)))
        q = weights * float(second_moment(activation, q))
    return _gains(np.array(factors))


def _gains(factors: np.ndarray) -> np.ndarray:
    """log10 of the product of all factors from here to the end, of their roots; 0 at the end."""
    return np.append(0.5 * np.cumsum(np.log10(factors)[::-1])[::-1], 0.0)
