r"""Norms of a Transformer encoder at initialisation, in the limit of a large width.

The examples' tokens t = (a, i) have, unit by unit, Gaussian values with the covariance K_tu =
E[x_t x_u]. Each token attends to all n alike, as with queries that start at 0 (Xiong et al. 2020,
"On layer normalization in the Transformer architecture", section 3.3; Noci et al. 2022, "Signal
propagation in Transformers", assumption 3.1). With matrices after Xavier, times β:

    attention    F(K)_tu = β⁴ mean_ij K_(ai)(bj)                      t = (a, ·), u = (b, ·)
    perceptron   F(K)_tu = β⁴ 2/5 · 8/5 E[φ(v_t) φ(v_u)],             v ~ N(0, K),  φ ReLU

(a value and an output matrix of width² keep the mean square; one to 4·width units has
n_in Var(W) = 2/5, one back 8/5). A residual connection adds, K + F(K), since a branch's last matrix
is independent of the stream. A LayerNorm makes C_tu / √(C_tt C_uu) of it, C_tu = K_tu - m_t m_u
with the tokens' means m over units, which only the sines and cosines of the places have. The Gram
matrix Π_tu of ∂ℓ/∂x_t and ∂ℓ/∂x_u, summed over units, goes back by

    attention    β⁴ mean_ij Π_(ai)(bj),       perceptron   β⁴ 2/5 · 8/5 E[φ'(v_t) φ'(v_u)] Π_tu

and by 1/√(C_tt C_uu) through a LayerNorm, whose projections cost 1/width. At the top stands the
softmax's own Gram matrix (``prediction.softmax_grams``) of logits read off the mean over tokens.
"""

from dataclasses import dataclass

import numpy as np

from gradient_atlas.theory.gaussian import correlation, derivative_dual, dual
from gradient_atlas.theory.nonlinearity import Nonlinearity
from gradient_atlas.theory.prediction import softmax_grams

_RELU = Nonlinearity(lambda u: np.maximum(u, 0), lambda u: (u > 0) * 1.0, (0.0, 1.0))
_EXPAND, _CONTRACT = 2 / 5, 8 / 5  # n_in Var(W) of the perceptron's matrices


@dataclass(frozen=True)
class Encoder:
    """What the prediction needs to know; options as in ``networks.architectures.transformer``."""

    layers: int
    width: int
    norm: str
    alpha: float = 1.0
    beta: float = 1.0


@dataclass(frozen=True)
class SublayerNorms:
    """log10 of what the probe measures at the last matrix of each sublayer, (2 · layers,).

    A layer's attention comes before its perceptron.
    """

    error_signal: np.ndarray
    weight_gradient: np.ndarray


def predict_encoder(
    encoder: Encoder, tokens: np.ndarray, positions: np.ndarray, labels: np.ndarray, classes: int
) -> SublayerNorms:
    """Predict the norms of one batch.

    Args:
        encoder: the network.
        tokens: (B, n, features) float64, what the embedding is given.
        positions: (n, width), what is added to the embedded tokens.
        labels: (B,) integers from 0 to ``classes`` - 1.
        classes: number of logits.
    """
    examples, n, features = tokens.shape
    width, gain = encoder.width, encoder.beta**4
    flat = tokens.reshape(examples * n, features)
    kernel = flat @ flat.T * (2 / (features + width))
    kernel += np.tile(positions @ positions.T / width, (examples, examples))
    means = np.tile(positions.mean(axis=1), examples)
    sublayers = []
    for sublayer in range(2 * encoder.layers):
        one = _Sublayer(encoder.norm, encoder.alpha, gain, sublayer % 2 == 1, kernel, means, n)
        sublayers.append(one)
        kernel, means = one.output, one.means
    # With pre-norm the stream itself is normalised once, at its end.
    centred = _centred(kernel, means)
    read = correlation(centred) if encoder.norm == "pre" else kernel
    head = 2 * width / (width + classes)
    top = head * softmax_grams(head * _pooled(read, n), labels, classes)[0]
    gram = np.kron(top, np.ones((n, n))) / n**2
    if encoder.norm == "pre":
        gram /= _sizes(centred)
    errors, gradients = [], []
    for one in reversed(sublayers):
        at_branch, gram = one.backward(gram)
        errors.append(np.trace(at_branch) / examples)
        inputs = width * encoder.beta**2 * one.last_inputs
        gradients.append(np.sum(at_branch * inputs) / examples**2)
    return SublayerNorms(0.5 * np.log10(errors[::-1]), 0.5 * np.log10(gradients[::-1]))


class _Sublayer:
    """x + f(N(x)), N(α x + f(x)) or x + f(x), with its kernels of the forward pass."""

    def __init__(
        self,
        norm: str,
        alpha: float,
        gain: float,
        perceptron: bool,
        kernel: np.ndarray,
        means: np.ndarray,
        n: int,
    ) -> None:
        self.norm, self.alpha, self.gain, self.n = norm, alpha, gain, n
        self.perceptron = perceptron
        # What a LayerNorm divides by, where there is one.
        self._divided = _centred(kernel, means)
        self._given = correlation(self._divided) if norm == "pre" else kernel
        # Second moments that the last matrix is given, per unit of width, without β².
        if perceptron:
            self.last_inputs = 4 * dual(_RELU, _EXPAND * self._given)
            branch = gain * (_CONTRACT / 4) * self.last_inputs
        else:
            self.last_inputs = _spread(_pooled(self._given, n), n)
            branch = gain * self.last_inputs
        self.output, self.means = alpha**2 * kernel + branch, means
        if norm in ("post", "deepnorm"):
            self._divided = _centred(self.output, alpha * means)
            self.output, self.means = correlation(self._divided), np.zeros(len(means))

    def backward(self, gram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Π at the branch's output and at x, of Π at the sublayer's output."""
        if self.norm in ("post", "deepnorm"):
            gram = gram / _sizes(self._divided)
        if self.perceptron:
            slopes = derivative_dual(_RELU, self._given)
            branch = self.gain * _EXPAND * _CONTRACT * slopes * gram
        else:
            branch = self.gain * _spread(_pooled(gram, self.n), self.n)
        if self.norm == "pre":
            branch = branch / _sizes(self._divided)
        return gram, self.alpha**2 * gram + branch


def _sizes(kernel: np.ndarray) -> np.ndarray:
    """√(K_tt K_uu)."""
    root = np.sqrt(np.diagonal(kernel))
    return np.outer(root, root)


def _centred(kernel: np.ndarray, means: np.ndarray) -> np.ndarray:
    return kernel - np.outer(means, means)


def _pooled(kernel: np.ndarray, n: int) -> np.ndarray:
    """(B, B) means over the tokens of each pair of examples."""
    examples = len(kernel) // n
    return np.asarray(kernel.reshape(examples, n, examples, n).mean(axis=(1, 3)))


def _spread(pooled: np.ndarray, n: int) -> np.ndarray:
    """The same for each pair of tokens."""
    return np.kron(pooled, np.ones((n, n)))
