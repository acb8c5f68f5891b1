"""The wide limit against random networks of width 1,024, written here in plain numpy."""

import functools

import numpy as np
import pytest
from scipy.special import expit, ndtr

from gradient_atlas.networks.activations import get_activation
from gradient_atlas.theory.alignment import Layer, Signal, passed, sent_on
from gradient_atlas.theory.finite_width import drift_per_layer
from gradient_atlas.theory.mean_field import chi, fixed_point
from gradient_atlas.theory.nonlinearity import from_torch
from gradient_atlas.theory.prediction import Network, forward_pass, predict, softmax_grams

WIDTH, DEPTH, INPUTS, EXAMPLES, CLASSES = 1024, 12, 100, 24, 10


def _gaussian(u):
    return np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)


def _sigmoid(u):
    return expit(u)


ORACLES = {
    "sigmoid": (_sigmoid, lambda u: _sigmoid(u) * _sigmoid(-u)),
    "tanh": (np.tanh, lambda u: 1 / np.cosh(u) ** 2),
    "relu": (lambda u: u * (u > 0), lambda u: 1.0 * (u > 0)),
    "leaky_relu": (lambda u: np.where(u > 0, u, u / 100), lambda u: np.where(u > 0, 1, 0.01)),
    "gelu": (lambda u: u * ndtr(u), lambda u: ndtr(u) + u * _gaussian(u)),
    "silu": (
        lambda u: u * _sigmoid(u),
        lambda u: _sigmoid(u) * (1 + u * _sigmoid(-u)),
    ),
}
# (initialisation, weight_std, scale of a unit Gaussian, uniform or orthogonal matrix)
INITIALIZATIONS = [
    ("standard", None, "uniform", lambda n_in, n_out: 1 / np.sqrt(n_in)),
    ("xavier", None, "gaussian", lambda n_in, n_out: np.sqrt(2 / (n_in + n_out))),
    ("he", None, "gaussian", lambda n_in, n_out: np.sqrt(2 / n_in)),
    ("orthogonal", None, "orthogonal", lambda n_in, n_out: 1.0),
    ("normal", 0.1, "gaussian", lambda n_in, n_out: 0.1),
]


@functools.cache
def _data():
    generator = np.random.default_rng(5)
    inputs = generator.standard_normal((EXAMPLES, 12)) @ generator.standard_normal((12, INPUTS))
    inputs = 0.5 + inputs / np.sqrt(12)
    return inputs, generator.integers(0, CLASSES, EXAMPLES)


@functools.cache
def _matrices(kind, seed, width=WIDTH, depth=DEPTH):
    generator = np.random.default_rng([seed, len(kind)])
    sizes = [INPUTS, *[width] * (depth - 1), CLASSES]
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    if kind == "uniform":
        return [generator.uniform(-1, 1, shape) for shape in shapes]
    gaussian = [generator.standard_normal(shape) for shape in shapes]
    return gaussian if kind == "gaussian" else [_orthogonal(matrix) for matrix in gaussian]


def _orthogonal(matrix):
    tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    q, r = np.linalg.qr(tall)
    q = q * np.sign(np.diagonal(r))
    return q if tall is matrix else q.T


def _softmax_error(logits, labels):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True) - np.eye(CLASSES)[labels]


def _measure(activation, weights, scale, residual=None):
    """log10 of error signal norms, weight gradient norms, activation rms; each (L,)."""
    value, derivative = ORACLES[activation]
    inputs, labels = _data()
    weights = [scale(w.shape[1], w.shape[0]) * w for w in weights]
    activations, preactivations = [inputs], []
    for weight in weights:
        z = activations[-1] @ weight.T
        preactivations.append(z)
        if weight is weights[-1]:
            break
        skip = residual is not None and weight.shape[0] == weight.shape[1]
        branch = value(z)
        activations.append(activations[-1] + residual * branch if skip else branch)
    delta = _softmax_error(preactivations[-1], labels)
    errors, gradients, above = [], [], None
    for layer in range(len(weights) - 1, -1, -1):
        if above is not None:
            skip = residual is not None and weights[layer].shape[0] == weights[layer].shape[1]
            delta = derivative(preactivations[layer]) * above * (residual if skip else 1)
        errors.append(np.sqrt(np.mean(np.sum(delta**2, axis=1))))
        gradients.append(np.linalg.norm(delta.T @ activations[layer] / EXAMPLES))
        below = delta @ weights[layer]
        above = above + below if above is not None and skip else below
    rms = [np.sqrt(np.mean(a**2)) for a in [*activations[1:], preactivations[-1]]]
    return np.log10([errors[::-1], gradients[::-1], rms])


def _slope(values):
    """Decades gained per layer towards the input, over the hidden layers."""
    layers = np.arange(len(values))
    return -np.polyfit(layers[1:-1], values[1:-1], 1)[0]


def _network(activation, initialization, weight_std, width=WIDTH, depth=DEPTH, **options):
    phi = from_torch(get_activation(activation))
    return Network(phi, initialization, depth, width, weight_std, **options)


@pytest.mark.parametrize("initialization", INITIALIZATIONS, ids=lambda entry: entry[0])
@pytest.mark.parametrize("activation", ORACLES)
def test_slope_and_level_are_those_of_a_wide_random_network(activation, initialization):
    name, weight_std, kind, scale = initialization
    measured = _measure(activation, _matrices(kind, 1), scale)
    inputs, labels = _data()
    predicted = predict(_network(activation, name, weight_std), inputs, labels, CLASSES)
    error_signal = predicted.log10_error_signal_norm
    assert abs(_slope(measured[0]) - _slope(error_signal)) < 0.02
    assert np.abs(measured[0] - error_signal).max() < 0.1
    assert np.abs(measured[2] - predicted.log10_activation_rms)[:-1].max() < 0.1
    # The batch-mean gradient hangs on one draw of the output layer, which most examples share
    # where activations have become parallel: its level scatters by a factor of two.
    assert abs(_slope(measured[1]) - _slope(predicted.log10_weight_gradient_norm)) < 0.03
    assert np.abs(measured[1] - predicted.log10_weight_gradient_norm).max() < 0.4


@pytest.mark.parametrize(
    "initialization", [INITIALIZATIONS[2], INITIALIZATIONS[4]], ids=lambda entry: entry[0]
)
def test_level_of_the_weight_gradient_is_exact_on_average(initialization):
    name, weight_std, kind, scale = initialization
    runs = [
        _measure("relu", _matrices(kind, seed, width=512, depth=6), scale)[1] for seed in range(8)
    ]
    network = _network("relu", name, weight_std, width=512, depth=6)
    predicted = predict(network, *_data(), CLASSES).log10_weight_gradient_norm
    error = np.std(runs, axis=0, ddof=1).max() / np.sqrt(len(runs))
    assert np.abs(np.mean(runs, axis=0) - predicted).max() < 4 * error < 0.3


@pytest.mark.parametrize(
    ("activation", "weight_std"), [("relu", np.sqrt(2 / 96)), ("tanh", 0.5), ("sigmoid", 1.0)]
)
def test_finite_width_drift_of_a_random_vector(activation, weight_std):
    width, depth, runs = 96, 16, 300
    phi, sigma_w2 = from_torch(get_activation(activation)), width * weight_std**2
    q = fixed_point(phi, sigma_w2, 1.0)
    value, derivative = ORACLES[activation]
    generator = np.random.default_rng(3)
    gains = []
    for _ in range(runs):
        z = np.sqrt(q) * generator.standard_normal(width)
        weights, preactivations = [], []
        for _ in range(depth):
            weights.append(weight_std * generator.standard_normal((width, width)))
            z = weights[-1] @ value(z)
            preactivations.append(z)
        delta = generator.standard_normal(width) * derivative(z)
        first = np.linalg.norm(delta)
        for weight, z in zip(weights[:0:-1], preactivations[-2::-1], strict=True):
            delta = derivative(z) * (weight.T @ delta)
        gains.append(np.log10(np.linalg.norm(delta) / first))
    error = np.std(gains, ddof=1) / np.sqrt(runs)
    wide = (depth - 1) * np.log10(chi(phi, q, sigma_w2)) / 2
    drift = (depth - 1) * drift_per_layer(phi, q, width)
    assert abs(drift) > 4 * error, "the drift must be visible in the first place"
    assert np.mean(gains) - wide == pytest.approx(drift, abs=3 * error)


def _residual_networks(activation, width, depth, weight_std, scale, bias_std, seeds, top, skip=1.0):
    """log10 of the mean square norm of ∂ℓ/∂z of layers 2 .. L-1, over seeds and six examples.

    Layers compute skip a + scale φ(W a + b). ``top`` makes ∂ℓ/∂a of the last hidden layer out of a
    and the output layer's weight and bias.
    The matrices are drawn anew on the way back: those of width 2,000 would not fit in memory.
    """
    value, derivative = ORACLES[activation]
    inputs = _data()[0][:6]

    def layer(seed, index, n_in, n_out):
        generator = np.random.default_rng([seed, index])
        weight = weight_std * generator.standard_normal((n_out, n_in))
        return weight, bias_std * generator.standard_normal(n_out)

    squares = []
    for seed in range(seeds):
        weight, bias = layer(seed, 0, INPUTS, width)
        a = value(inputs @ weight.T + bias)
        preactivations = []
        for index in range(1, depth - 1):
            weight, bias = layer(seed, index, width, width)
            preactivations.append(a @ weight.T + bias)
            a = skip * a + scale * value(preactivations[-1])
        above, square = top(a, *layer(seed, depth, width, CLASSES)), []
        for index in range(depth - 2, 0, -1):
            delta = scale * derivative(preactivations[index - 1]) * above
            square.append(np.mean(np.sum(delta**2, axis=1)))
            above = skip * above + delta @ layer(seed, index, width, width)[0]
        squares.append(square[::-1])
    squares = np.array(squares)
    error = squares.std(axis=0) / squares.mean(axis=0) / np.sqrt(seeds) / np.log(100)
    return np.log10(squares.mean(axis=0)) / 2, error


@pytest.mark.parametrize(
    ("activation", "weight_std", "scale", "bias_std"),
    [
        ("gelu", 0.1, 1.0, 0.0),
        ("silu", 0.2, 1.0, 0.0),
        ("tanh", 0.1, 1.0, 0.5),
        ("relu", 0.1, 1.0, 0.5),
    ],
)
def test_signal_of_residual_layers_joins_the_activations(activation, weight_std, scale, bias_std):
    # The part along a overtakes the rest somewhere in the middle: level and slope must be right.
    labels = _data()[1][:6]

    def top(a, weight, bias):
        return _softmax_error(a @ weight.T + bias, labels) @ weight

    measured, error = _residual_networks(
        activation, 200, 20, weight_std, scale, bias_std, seeds=40, top=top
    )
    options = {"residual": True, "residual_scale": scale, "bias_std": bias_std}
    network = _network(activation, "normal", weight_std, width=200, depth=20, **options)
    predicted = predict(network, _data()[0][:6], labels, CLASSES).log10_error_signal_norm[1:-1]
    assert error.max() < 0.04
    assert np.abs(measured - predicted).max() < 4 * error.max()
    slopes = [-np.polyfit(np.arange(18), values, 1)[0] for values in (measured, predicted)]
    assert 10 ** slopes[1] == pytest.approx(10 ** slopes[0], rel=0.01)


@pytest.mark.parametrize(("activation", "weight_std"), [("tanh", 0.1), ("silu", 0.12)])
def test_plain_networks_with_biases(activation, weight_std):
    labels = _data()[1][:6]

    def top(a, weight, bias):
        return _softmax_error(a @ weight.T + bias, labels) @ weight

    measured, error = _residual_networks(
        activation, 200, 12, weight_std, 1.0, 0.6, seeds=40, top=top, skip=0.0
    )
    network = _network(activation, "normal", weight_std, width=200, depth=12, bias_std=0.6)
    predicted = predict(network, _data()[0][:6], labels, CLASSES).log10_error_signal_norm[1:-1]
    without = _network(activation, "normal", weight_std, width=200, depth=12)
    others = predict(without, _data()[0][:6], labels, CLASSES).log10_error_signal_norm[1:-1]
    assert np.abs(measured - predicted).max() < 4 * error.max() < 0.1
    assert np.abs(measured - others).max() > 0.1


@pytest.mark.parametrize(("activation", "variance"), [("gelu", 2), ("silu", 8)])
def test_a_signal_along_the_activations_in_a_network_of_width_2000(activation, variance):
    # ℓ = ‖a‖²/2 has no other part, and little randomness at this width.
    width, depth = 2000, 14
    std = np.sqrt(variance / width)
    measured, _ = _residual_networks(
        activation, width, depth, std, 1.0, 0.0, seeds=2, top=lambda a, weight, bias: a
    )
    network = _network(activation, "normal", std, width=width, depth=depth, residual=True)
    sizes = [INPUTS, *[width] * (depth - 1), CLASSES]
    forward = forward_pass(network, _data()[0][:6], sizes, [std**2] * depth)
    nothing = np.zeros((6, 6))
    signal, squares = Signal(nothing, np.full((6, 6), float(width)), nothing, nothing), []
    for index in range(depth - 1, 1, -1):
        below, above = ((forward.moments[at], forward.averages[at]) for at in (index - 1, index))
        kernel = forward.branches[index - 1].kernel
        through = passed(network.activation, kernel, signal, *below, 1.0)
        squares.append(np.mean(np.diagonal(through)))
        layer = Layer(*below, *above, kernel, variance * below[0], 1.0, variance)
        signal = sent_on(network.activation, layer, signal, width, through)
    predicted = np.log10(squares[::-1]) / 2
    factors = [10 ** -np.mean(np.diff(values)) for values in (measured, predicted)]
    assert factors[1] == pytest.approx(factors[0], rel=0.01)
    assert factors[0] > 1.1 * np.sqrt(1 + variance / 2)  # what independent weights would allow


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_residual_layers(activation):
    measured = _measure(
        activation, _matrices("gaussian", 1), lambda n_in, n_out: np.sqrt(2 / n_in), residual=0.5
    )
    network = _network(activation, "he", None, residual=True, residual_scale=0.5)
    predicted = predict(network, *_data(), CLASSES)
    assert abs(_slope(measured[0]) - _slope(predicted.log10_error_signal_norm)) < 0.02
    assert np.abs(measured[2] - predicted.log10_activation_rms)[:-1].max() < 0.05


def test_softmax_gram_is_that_of_sampled_logits():
    inputs, labels = _data()
    kernel = inputs @ inputs.T / 40
    generator = np.random.default_rng(9)
    total = np.zeros_like(kernel)
    root = np.linalg.cholesky(kernel + 1e-9 * np.eye(EXAMPLES))
    for _ in range(4000):
        error = _softmax_error(root @ generator.standard_normal((EXAMPLES, CLASSES)), labels)
        total += error @ error.T / 4000
    assert np.allclose(softmax_grams(kernel, labels, CLASSES)[0], total, atol=0.06)


def test_logits_too_large_for_exp_choose_one_class():
    inputs, labels = _data()
    gram = softmax_grams(1e90 * inputs @ inputs.T, labels, CLASSES)[0]
    assert np.isfinite(gram).all()
    assert np.allclose(np.diagonal(gram), 2 * 0.9, atol=0.1)  # wrong in 9 of 10, then |p - y|² = 2
