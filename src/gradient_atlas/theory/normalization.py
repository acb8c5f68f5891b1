r"""One hidden layer in the wide limit, without and with normalisation.

No normalisation: u = z, see ``prediction``.

Layer normalisation before the activation (Ba, Kiros & Hinton 2016). Over n → ∞ units the mean of
z_i is 0 and its variance K_ii, so u_i = z_i / √K_ii: correlations stay, variances become 1, and
δ_i = ∂ℓ/∂u_i / √K_ii (the projections of the exact Jacobian cost 1/n). After the activation:
(φ_i - h_i) / √(M_ii - h_i²) in place of φ_i, h_i = E[φ(u_i)].

Batch normalisation (Ioffe & Szegedy 2015) acts on one unit's values in all B examples,
N(v) = G v / s with G = I - 11^T/B and s² = |G v|²/B + ε, and goes back with

    ∂ℓ/∂v = (1/s) (G - N N^T / B) ∂ℓ/∂N.

Here ∂ℓ is that of the summed loss of the batch, since an example's loss depends on every example's
z. Units are still independent as n → ∞, but s differs from unit to unit at any width, as a sum over
the eigenvalues of G K G: images have few large ones, and neither 1/E[s²] for E[1/s²] nor its first
correction is near the truth (1.14 and 1.32 per layer on mnist_5k, ReLU, where a network of width
128 has 1.20). So the expectations over a unit are means over ``UNITS`` samples of z ~ N(0, K).

At the fixed point that Yang et al. (2019), "A mean field theory of batch normalization", find, all
examples are equally far apart, G K G ∝ G, and as B → ∞ s² no longer fluctuates: for ReLU
s² = σ_w² (1/2 - 1/2π) and ‖δ^(l)‖² grows towards the input by (σ_w²/2) / s² = π/(π - 1) per layer,
1.21 of the norm, whatever σ_w (batch normalisation makes deep networks explode).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradient_atlas.networks.feedforward import EPSILON
from gradient_atlas.theory.gaussian import derivative_dual, dual_and_mean
from gradient_atlas.theory.nonlinearity import Nonlinearity

UNITS = 2000


@dataclass(frozen=True)
class Branch:
    """What a hidden layer makes of its pre-activations, B examples.

    Attributes:
        kernel: (B, B), K of the pre-activations z.
        moment: (B, B), E[f_i f_j] of the layer's output f, per unit.
        average: (B,), E[f_i].
        backward: the Gram matrix of ∂ℓ/∂f to that of ∂ℓ/∂z, both (B, B).
    """

    kernel: np.ndarray
    moment: np.ndarray
    average: np.ndarray
    backward: Callable[[np.ndarray], np.ndarray]


# φ, K and the source of samples to what the layer makes of them.
Layer = Callable[[Nonlinearity, np.ndarray, np.random.Generator], Branch]


def plain(activation: Nonlinearity, kernel: np.ndarray, _: np.random.Generator) -> Branch:
    """f = φ(z)."""
    return _unnormalized(activation, kernel)


def _unnormalized(activation: Nonlinearity, kernel: np.ndarray) -> Branch:
    slopes = derivative_dual(activation, kernel)
    moment, average = dual_and_mean(activation, kernel)
    return Branch(kernel, moment, average, lambda gram: slopes * gram)


def layer_norm_before(
    activation: Nonlinearity, kernel: np.ndarray, _: np.random.Generator
) -> Branch:
    """f = φ(LN(z))."""
    deviation = np.sqrt(np.diagonal(kernel) + EPSILON)
    scale = np.outer(deviation, deviation)
    branch = _unnormalized(activation, kernel / scale)
    return Branch(kernel, branch.moment, branch.average, lambda gram: branch.backward(gram) / scale)


def layer_norm_after(
    activation: Nonlinearity, kernel: np.ndarray, _: np.random.Generator
) -> Branch:
    """f = LN(φ(z))."""
    branch = _unnormalized(activation, kernel)
    centred = branch.moment - np.outer(branch.average, branch.average)
    deviation = np.sqrt(np.diagonal(centred) + EPSILON)
    scale = np.outer(deviation, deviation)
    return Branch(
        kernel,
        centred / scale,
        np.zeros(len(kernel)),
        lambda gram: branch.backward(gram / scale),
    )


def batch_norm_before(
    activation: Nonlinearity, kernel: np.ndarray, generator: np.random.Generator
) -> Branch:
    """f = φ(N(z)), the batch being the B examples."""
    u, variance = _normalize(_units(kernel, generator))
    outputs = activation.value(u)

    def backward(gram: np.ndarray) -> np.ndarray:
        slopes = activation.derivative(u)
        weights = 1 / (variance * UNITS)
        plain_part = _centre(gram * ((slopes * weights).T @ slopes))
        return plain_part - _along(u, slopes * ((slopes * u) @ gram), weights)

    return Branch(kernel, outputs.T @ outputs / UNITS, outputs.mean(axis=0), backward)


def batch_norm_after(
    activation: Nonlinearity, kernel: np.ndarray, generator: np.random.Generator
) -> Branch:
    """f = N(φ(z)), the batch being the B examples."""
    z = _units(kernel, generator)
    outputs, variance = _normalize(activation.value(z))

    def backward(gram: np.ndarray) -> np.ndarray:
        slopes = activation.derivative(z)
        weights = 1 / (variance * UNITS)
        plain_part = _centre(gram) * ((slopes * weights).T @ slopes)
        return plain_part - _along(outputs, outputs @ gram, weights, slopes)

    return Branch(kernel, outputs.T @ outputs / UNITS, outputs.mean(axis=0), backward)


def _units(kernel: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """(UNITS, B) samples of z ~ N(0, kernel)."""
    eigenvalues, vectors = np.linalg.eigh(kernel)
    root = vectors * np.sqrt(np.clip(eigenvalues, 0.0, None))
    return generator.standard_normal((UNITS, len(kernel))) @ root.T


def _normalize(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """N of each row, and the rows' s² as a column."""
    centred = values - values.mean(axis=1, keepdims=True)
    variance = np.mean(centred**2, axis=1, keepdims=True) + EPSILON
    return centred / np.sqrt(variance), variance


def _along(
    normalized: np.ndarray,
    sent: np.ndarray,
    weights: np.ndarray,
    slopes: np.ndarray | float = 1.0,
) -> np.ndarray:
    """Σ of weights · (G X G - P X P), P = G - N N^T/B, over units with X N = ``sent``.

    Rows are units. Both sides of the result are multiplied by ``slopes``.
    """
    examples = normalized.shape[1]
    sent = sent - sent.mean(axis=1, keepdims=True)
    twice = np.sum(normalized * sent, axis=1, keepdims=True)
    unit = slopes * normalized
    mixed = (slopes * sent * weights).T @ unit / examples
    return mixed + mixed.T - (unit * twice * weights).T @ unit / examples**2


def _centre(kernel: np.ndarray) -> np.ndarray:
    """G K G, G = I - 11^T/B."""
    rows = kernel - kernel.mean(axis=0, keepdims=True)
    return rows - rows.mean(axis=1, keepdims=True)


NORMALIZATIONS: dict[tuple[str, str], Layer] = {
    ("none", "before_activation"): plain,
    ("none", "after_activation"): plain,
    ("layer_norm", "before_activation"): layer_norm_before,
    ("layer_norm", "after_activation"): layer_norm_after,
    ("batch_norm", "before_activation"): batch_norm_before,
    ("batch_norm", "after_activation"): batch_norm_after,
}
