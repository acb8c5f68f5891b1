r"""Norms of every layer of a wide network at initialisation, for a batch of real inputs.

Notation as in the run's documentation: z^(l) = W^(l) a^(l-1), a^(l) = φ(z^(l)), a^(0) = x, logits
z^(L); δ_i^(l) = ∂ℓ_i/∂z_i^(l) for example i. For n → ∞ the z^(l) of the examples i = 1 .. B are,
unit by unit, independent Gaussian vectors with covariance K^(l) (Neal 1996; Lee et al. 2018):

    K^(1)_ij = Var(W^(1)) x_i·x_j + σ_b²
    M^(l)_ij = E[φ(u_i) φ(u_j)],  u ~ N(0, K^(l))
    K^(l+1)_ij = n_l Var(W^(l+1)) M^(l)_ij + σ_b²                                (forward)

With δ^(l) = φ'(z^(l)) ⊙ W^(l+1)^T δ^(l+1) and W^(l+1) independent of δ^(l+1) (Schoenholz et al.
2017, section 4; the dependence costs 1/n), the Gram matrix Π^(l)_ij = E[δ_i^(l)·δ_j^(l)] obeys

    Π^(l)_ij = n_l Var(W^(l+1)) E[φ'(u_i) φ'(u_j)] Π^(l+1)_ij                     (backward)

It starts at the top from the softmax cross-entropy itself: the logits of the classes are
independent N(0, K^(L)), and Π^(L)_ij is the mean of (p_i - y_i)·(p_j - y_j) over samples of them.
So level and slope are predicted, nothing is fitted. ∂L/∂W^(l) = (1/B) Σ_i δ_i^(l) a_i^(l-1)T, hence

    error_signal_norm^(l)    = √(mean_i Π^(l)_ii)
    weight_gradient_norm^(l) = √(mean_ij Π^(l)_ij E[a_i^(l-1)·a_j^(l-1)])
    activation_rms^(l)       = √(mean_i M^(l)_ii)

Residual layers a^(l) = a^(l-1) + s f(a^(l-1)) (Yang & Schoenholz 2017, "Mean field residual
networks: on the edge of chaos", section 3): the branch is independent of its input but for their
means μ_i = E[a_i], h_i = E[φ(u_i)], so with A^(l)_ij = E[a_i a_j] per unit and E^(l) the Gram
matrix of ∂ℓ/∂a^(l)

    A^(l) = A^(l-1) + s (μ h^T + h μ^T) + s² M^(l),   μ^(l) = μ^(l-1) + s h
    Π^(l) = s² E[φ'φ'] ⊙ E^(l),                       E^(l-1) = E^(l) + n Var(W^(l)) Π^(l)

The identity path keeps every factor of E at 1 or more. But the weights are not independent of the
signal there: what is predicted without normalisation is ``alignment``'s recursion. (A layer that
normalises first forgets the length of its input, and with it the overlap that leads there.) Layer
and batch normalisation: ``normalization``.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from gradient_atlas.theory.alignment import Layer, passed, sent_on, top_signal
from gradient_atlas.theory.gaussian import derivative_second_moment
from gradient_atlas.theory.mean_field import weight_variance
from gradient_atlas.theory.nonlinearity import Nonlinearity
from gradient_atlas.theory.normalization import NORMALIZATIONS, Branch

_LOGIT_SAMPLES = 2000
_SEED = 0


@dataclass(frozen=True)
class Network:
    """What the prediction needs to know of a run; the fields are those of ``run.Run``."""

    activation: Nonlinearity
    initialization: str
    depth: int
    width: int
    weight_std: float | None = None
    normalization: str = "none"
    normalization_position: str = "before_activation"
    residual: bool = False
    residual_scale: float = 1.0
    bias_std: float = 0.0


@dataclass(frozen=True)
class Prediction:
    """Predicted log10 norms; every array (L,) with layer l at index l - 1.

    The output layer's activation is its logits. ``gain`` is √(n Var(W^(l+1)) E[φ'(z^(l))²]), the
    factor of the error signal from layer l + 1 to layer l; nan for the output layer and where
    normalisation or residual layers make it another.
    """

    log10_error_signal_norm: np.ndarray
    log10_weight_gradient_norm: np.ndarray
    log10_activation_rms: np.ndarray
    gain: np.ndarray


def predict(network: Network, inputs: np.ndarray, labels: np.ndarray, classes: int) -> Prediction:
    """Predict the norms of ``network`` on the probe batch.

    Args:
        network: its parameters.
        inputs: (B, n_0) float64, standardised as in training.
        labels: (B,) integers from 0 to classes - 1.
        classes: number of logits.

    Raises:
        InputError: the initialisation does not exist.
    """
    sizes = [inputs.shape[1], *[network.width] * (network.depth - 1), classes]
    variances = [
        weight_variance(network.initialization, n_in, n_out, network.weight_std)
        for n_in, n_out in pairwise(sizes)
    ]
    forward = forward_pass(network, inputs, sizes, variances)
    moments, logits = forward.moments, forward.logits
    top, products = softmax_grams(logits, labels, classes)
    if network.residual and network.normalization == "none":
        grams, exponents = _aligned_backward(network, top, products, sizes, variances, forward)
    else:
        grams, exponents = _backward(network, top, sizes, variances, forward)
    error = [np.mean(np.diagonal(gram)) for gram in grams]
    gradient = [
        np.mean(gram * moment) * size
        for gram, moment, size in zip(grams, moments, sizes[:-1], strict=True)
    ]
    rms = [np.mean(np.diagonal(moment)) for moment in [*moments[1:], logits]]
    with np.errstate(divide="ignore"):
        return Prediction(
            0.5 * np.log10(error) + exponents,
            0.5 * np.log10(gradient) + exponents,
            0.5 * np.log10(rms),
            _gains(network, sizes, variances, forward),
        )


def _gains(
    network: Network, sizes: list[int], variances: list[float], forward: "Forward"
) -> np.ndarray:
    gains = np.full(network.depth, np.nan)
    if network.residual or network.normalization != "none":
        return gains
    for index, branch in enumerate(forward.branches):
        slopes = derivative_second_moment(network.activation, np.diagonal(branch.kernel))
        gains[index] = np.sqrt(sizes[index + 1] * variances[index + 1] * np.mean(slopes))
    return gains


def first_variance(network: Network, inputs: np.ndarray) -> float:
    """q^(1): the variance of z^(1), the mean over the examples (B, n_0)."""
    n_in = inputs.shape[1]
    n_out = network.width
    variance = weight_variance(network.initialization, n_in, n_out, network.weight_std)
    return variance * float(np.mean(np.sum(inputs**2, axis=1))) + network.bias_std**2


@dataclass(frozen=True)
class Forward:
    """Second moments A^(l) and means μ^(l) per unit, l = 0 .. L-1; hidden layers; K^(L)."""

    moments: list[np.ndarray]
    averages: list[np.ndarray]
    branches: list[Branch]
    logits: np.ndarray


def forward_pass(
    network: Network, inputs: np.ndarray, sizes: list[int], variances: list[float]
) -> Forward:
    normalize = NORMALIZATIONS[network.normalization, network.normalization_position]
    generator = np.random.default_rng(_SEED)
    moments, averages = [inputs @ inputs.T / sizes[0]], [np.zeros(len(inputs))]
    branches: list[Branch] = []
    for layer in range(1, network.depth):
        moment, average = moments[-1], averages[-1]
        kernel = sizes[layer - 1] * variances[layer - 1] * moment + network.bias_std**2
        if branches and np.allclose(kernel, branches[-1].kernel, rtol=1e-13, atol=0):
            branch = branches[-1]  # the fixed point is reached: nothing new to integrate
        else:
            branch = normalize(network.activation, kernel, generator)
        branches.append(branch)
        if _is_residual(network, layer):
            cross = np.outer(average, branch.average)
            scale = network.residual_scale
            moments.append(moment + scale * (cross + cross.T) + scale**2 * branch.moment)
            averages.append(average + scale * branch.average)
        else:
            moments.append(branch.moment)
            averages.append(branch.average)
    logits = sizes[-2] * variances[-1] * moments[-1] + network.bias_std**2
    return Forward(moments, averages, branches, logits)


def _backward(
    network: Network,
    top: np.ndarray,
    sizes: list[int],
    variances: list[float],
    forward: Forward,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Π^(l) for l = 1 .. L as matrices of largest entry about 1, and half their log10 scales."""
    grams, exponents = [top], [0.0]
    above, exponent = sizes[-2] * variances[-1] * top, 0.0  # Gram matrix of ∂ℓ/∂a^(l)
    for layer in range(network.depth - 1, 0, -1):
        # Square norms of 1e-400 occur in deep sigmoid networks: the scale is kept apart.
        size = np.abs(above).max()
        if size > 0:
            above, exponent = above / size, exponent + 0.5 * np.log10(size)
        residual = _is_residual(network, layer)
        scale = network.residual_scale if residual else 1.0
        branch, sigma_w2 = forward.branches[layer - 1], sizes[layer - 1] * variances[layer - 1]
        gram = scale**2 * branch.backward(above)
        grams.append(gram)
        exponents.append(exponent)
        above = above + sigma_w2 * gram if residual else sigma_w2 * gram
    return grams[::-1], np.array(exponents[::-1])


def _aligned_backward(
    network: Network,
    top: np.ndarray,
    products: np.ndarray,
    sizes: list[int],
    variances: list[float],
    forward: Forward,
) -> tuple[list[np.ndarray], np.ndarray]:
    """The same of a residual network, whose weights are not independent of the signal."""
    grams, exponents, exponent = [top], [0.0], 0.0
    moments, averages = forward.moments, forward.averages
    # C_i without the bias: that part of the logits which W a makes, and what the rest leaves of it.
    bare = 1 - network.bias_std**2 / np.diagonal(forward.logits)
    both = np.outer(bare, bare)
    rest = forward.logits - network.bias_std**2 - both * forward.logits
    products = both * products + rest * top
    signal = top_signal(top, products, moments[-1], averages[-1], variances[-1], network.width)
    for layer in range(network.depth - 1, 0, -1):
        size = max(np.abs(part).max() for part in (signal.noise, signal.slopes, signal.offsets))
        if size > 0:
            signal, exponent = signal.scaled(1 / size), exponent + 0.5 * np.log10(size)
        kernel = forward.branches[layer - 1].kernel
        sigma_w2 = sizes[layer - 1] * variances[layer - 1]
        residual = _is_residual(network, layer)
        scale = network.residual_scale if residual else 1.0
        # The first layer has no identity: its output is φ alone.
        kept = float(residual)
        moment, average = kept * moments[layer - 1], kept * averages[layer - 1]
        through = passed(network.activation, kernel, signal, moment, average, scale)
        grams.append(scale**2 * through)
        exponents.append(exponent)
        if residual:
            above = moments[layer], averages[layer]
            below = Layer(moment, average, *above, kernel, sigma_w2 * moment, scale, sigma_w2)
            signal = sent_on(network.activation, below, signal, network.width, through)
    return grams[::-1], np.array(exponents[::-1])


def _is_residual(network: Network, layer: int) -> bool:
    return network.residual and layer > 1


def softmax_grams(
    kernel: np.ndarray, labels: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return Π^(L) and Γ, both (B, B), when each class's logits are z ~ N(0, kernel).

    Π^(L)_ij = E[(p_i - y_i)·(p_j - y_j)] and Γ_ij = E[C_i C_j], C_i = z_i·(p_i - y_i), over a fixed
    set of samples: their relative error is about 1/√2000. kernel (B, B), labels (B,).
    """
    # Scaled first: logits of 1e45 occur (ReLU and N(0, 1) weights) and only their order matters.
    size = np.abs(kernel).max()
    eigenvalues, vectors = np.linalg.eigh(kernel / size if size > 0 else kernel)
    root = vectors * np.sqrt(np.clip(eigenvalues, 0.0, None) * size)
    gram, alignment = np.zeros_like(kernel), np.zeros_like(kernel)
    for noise in _logit_noise(classes, len(labels)):
        logits = noise @ root.T
        errors = logits - logits.max(axis=1, keepdims=True)
        np.exp(errors, out=errors)
        errors /= errors.sum(axis=1, keepdims=True)
        errors[:, labels, np.arange(len(labels))] -= 1
        products = np.sum(np.multiply(logits, errors, out=logits), axis=1)
        alignment += products.T @ products
        errors = errors.reshape(-1, len(labels))
        gram += errors.T @ errors
    return gram / _LOGIT_SAMPLES, alignment / _LOGIT_SAMPLES


@lru_cache(maxsize=1)
def _logit_noise(classes: int, examples: int) -> np.ndarray:
    """Samples of N(0, 1), a tenth of them at a time: (10, samples / 10, classes, examples)."""
    generator = np.random.default_rng(_SEED)
    return generator.standard_normal((10, _LOGIT_SAMPLES // 10, classes, examples))
