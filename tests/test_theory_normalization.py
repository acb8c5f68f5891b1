"""Normalised layers in the wide limit against closed forms and against the networks themselves."""

import numpy as np
import pytest
import torch

from gradient_atlas.datasets.load import Data
from gradient_atlas.networks.activations import get_activation
from gradient_atlas.networks.feedforward import FeedForward
from gradient_atlas.runs.feedforward import Run
from gradient_atlas.theory import normalization
from gradient_atlas.theory.nonlinearity import from_torch
from gradient_atlas.theory.normalization import batch_norm_after, batch_norm_before
from gradient_atlas.theory.norms_of_runs import predict_runs
from gradient_atlas.training.probe import Probe

EXAMPLES = 96


@pytest.fixture(scope="module")
def data():
    generator = np.random.default_rng(0)
    inputs = generator.standard_normal((EXAMPLES, 40)) @ generator.standard_normal((40, 60))
    labels = torch.from_numpy(generator.integers(0, 10, EXAMPLES))
    tensor = torch.from_numpy(inputs / np.sqrt(40))
    return Data(tensor, labels, tensor, labels, 10, "")


@pytest.mark.parametrize(
    "options",
    [
        {"normalization": "batch_norm"},
        {"normalization": "batch_norm", "activation": "tanh", "initialization": "xavier"},
        {"normalization": "layer_norm", "activation": "sigmoid"},
        {
            "normalization": "layer_norm",
            "normalization_position": "after_activation",
            "activation": "gelu",
        },
        {"residual": True, "activation": "tanh", "initialization": "xavier"},
        {"normalization": "batch_norm", "residual": True},
        {"normalization": "batch_norm", "normalization_position": "after_activation"},
        {
            "activation": "leaky_relu",
            "residual": True,
            "initialization": "normal",
            "weight_std": 0.1,
        },
    ],
    ids=str,
)
def test_slope_is_that_of_the_network(data, options):
    run = Run("made_up", depth=10, width=400, precision="float64", **options)
    measured = []
    for seed in range(3):
        network = FeedForward(run, 60, 10, torch.Generator().manual_seed(seed))
        probe = Probe(network, data.train_inputs, data.train_labels)
        measured.append(np.log10(probe.measure().error_signal_norm))
    mean = np.mean(measured, axis=0)
    predicted = predict_runs([run], {"made_up": data}).predicted_log10_error_signal_norm.to_numpy()
    steps = run.depth - 3
    assert abs((mean[1] - mean[-2]) - (predicted[1] - predicted[-2])) / steps < 0.02
    assert np.abs(mean - predicted).max() < 0.15


@pytest.mark.parametrize("sigma_w2", [0.5, 2.0])
def test_batch_norm_of_relu_explodes_as_yang_et_al_find(sigma_w2):
    relu, examples = from_torch(get_activation("relu")), 300
    generator, kernel = np.random.default_rng(0), np.eye(examples)
    for _ in range(2):
        branch = batch_norm_before(relu, kernel, generator)
        kernel = sigma_w2 * branch.moment
    backward = batch_norm_before(relu, kernel, generator).backward
    factor = sigma_w2 * np.trace(backward(np.eye(examples))) / examples
    # As B → ∞; 1/s² of 300 examples fluctuates, and 2000 units make their kernel only nearly.
    assert factor == pytest.approx(np.pi / (np.pi - 1), rel=0.02)


@pytest.mark.parametrize("layer", [batch_norm_before, batch_norm_after])
def test_backward_is_the_jacobian_of_each_unit(layer, monkeypatch):
    """With one unit the Gram matrix is that of autograd's vector, for ∂ℓ/∂f = e: E = e e^T."""
    monkeypatch.setattr(normalization, "UNITS", 1)
    root = np.random.default_rng(3).standard_normal((6, 6))
    branch = layer(from_torch(get_activation("tanh")), root @ root.T / 6, np.random.default_rng(4))
    e = np.random.default_rng(5).standard_normal(6)
    z = torch.tensor(normalization._units(branch.kernel, np.random.default_rng(4))[0])
    z.requires_grad_()

    def normal(v):
        return (v - v.mean()) / (v.var(correction=0) + normalization.EPSILON).sqrt()

    output = torch.tanh(normal(z)) if layer is batch_norm_before else normal(torch.tanh(z))
    (gradient,) = torch.autograd.grad(output @ torch.tensor(e), z)
    expected = np.outer(gradient, gradient)
    np.testing.assert_allclose(branch.backward(np.outer(e, e)), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("scale", [1.0, 0.14])
def test_a_residual_relu_network_grows_with_its_activations(data, scale):
    """Not by √(1 + s² χ) = 2.24 and 1.04 per layer, as weights independent of the signal would."""
    run = Run(
        "made_up", depth=40, width=128, precision="float64", residual=True, residual_scale=scale,
        initialization="normal", weight_std=0.25,
    )  # fmt: skip
    grown = []
    for seed in range(4):
        network = FeedForward(run, 60, 10, torch.Generator().manual_seed(seed))
        norms = Probe(network, data.train_inputs, data.train_labels).measure().error_signal_norm
        grown.append(np.log10(norms[1] / norms[-2]))
    rows = predict_runs([run], {"made_up": data})
    signal, activation = (
        rows[f"predicted_log10_{name}"].to_numpy()
        for name in ("error_signal_norm", "activation_rms")
    )
    independent = 37 * np.log10(1 + scale**2 * 4) / 2  # χ = σ_w²/2 = 4
    predicted = signal[1] - signal[-2]
    # Half a decade of 15 is what width 128 takes off a mean of logarithms (see finite_width).
    assert np.mean(grown) == pytest.approx(predicted, abs=0.5)
    assert np.mean(grown) > independent + 0.8
    # Near the input the signal grows by as much as the activations shrink.
    growth = (signal[2] - signal[10], activation[10] - activation[2])
    assert growth[0] == pytest.approx(growth[1], rel=0.05)


def test_same_networks_of_a_sweep_are_predicted_once(data):
    runs = [Run("made_up", depth=4, width=8, learning_rate=rate) for rate in (0.1, 0.2)]
    assert len(predict_runs(runs, {"made_up": data})) == 4
