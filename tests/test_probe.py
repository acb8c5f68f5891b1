import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import networks_by_hand
from gradient_atlas.networks.activations import ACTIVATIONS
from gradient_atlas.networks.feedforward import FeedForward
from gradient_atlas.runs.feedforward import Run
from gradient_atlas.training.probe import Probe

EXAMPLES, CLASSES = 30, 4
RANDOM = np.random.default_rng(1)
INPUTS = RANDOM.normal(size=(EXAMPLES, 7))
LABELS = RANDOM.integers(CLASSES, size=EXAMPLES)
BATCH = torch.from_numpy(INPUTS), torch.from_numpy(LABELS)


def make(**parameters):
    run = Run(**{"dataset": "digits", "depth": 5, "width": 6, "precision": "float64"} | parameters)
    network = FeedForward(run, 7, CLASSES, torch.Generator().manual_seed(3))
    with torch.no_grad():  # values that a wrong gain, shift or bias would show in
        for number, values in enumerate([*network.gains, *network.shifts, *network.biases]):
            values += 0.1 * torch.sin(torch.arange(len(values)) + number)
    return network


def by_hand(network, inputs=INPUTS, labels=LABELS):
    parts = (network.weights, network.biases, network.gains, network.shifts)
    arrays = [[values.detach().numpy() for values in part] for part in parts]
    return networks_by_hand.gradients(network.run, *arrays, inputs, labels)


def layers_of(network):
    """The measurements, a row a layer."""
    columns = vars(Probe(network, *BATCH).measure())
    rows = zip(*columns.values(), strict=True)
    return [SimpleNamespace(**dict(zip(columns, row, strict=True))) for row in rows]


@pytest.mark.parametrize(
    ("activation", "normalization", "position", "residual"),
    [(name, "none", "before_activation", False) for name in ACTIVATIONS]
    + [
        (name, *options)
        for name, *options in itertools.product(
            ["sigmoid", "relu"],
            ["none", "batch_norm", "layer_norm"],
            ["before_activation", "after_activation"],
            [False, True],
        )
    ],
)
def test_against_a_backward_pass_by_hand(activation, normalization, position, residual):
    network = make(
        activation=activation,
        normalization=normalization,
        normalization_position=position,
        residual=residual,
        residual_scale=0.7,
    )
    weight_gradients, deltas, outputs, inputs_of_phi = by_hand(network)
    layers = layers_of(network)
    assert len(layers) == 5
    for index, layer in enumerate(layers):
        assert layer.weight_gradient_norm == pytest.approx(
            np.linalg.norm(weight_gradients[index]), rel=1e-9
        )
        assert layer.error_signal_norm == pytest.approx(
            math.sqrt(EXAMPLES) * np.linalg.norm(deltas[index]), rel=1e-9
        )
        assert layer.activation_rms == pytest.approx(math.sqrt((outputs[index] ** 2).mean()))
        assert layer.weight_norm == pytest.approx(
            np.linalg.norm(network.weights[index].detach().numpy())
        )
    for layer, u in zip(layers, inputs_of_phi, strict=False):
        slope = networks_by_hand.PHI_PRIME[activation](u)
        assert layer.mean_activation_derivative == pytest.approx(slope.mean())


def test_error_signal_is_that_of_single_examples():
    """Against one backward pass an example, with that example's own loss."""
    network = make(activation="tanh")
    squares = np.zeros(5)
    for i in range(EXAMPLES):
        _, deltas, *_ = by_hand(network, INPUTS[i : i + 1], LABELS[i : i + 1])
        squares += [np.sum(delta**2) for delta in deltas]
    measured = Probe(network, *BATCH).measure().error_signal_norm
    np.testing.assert_allclose(measured, np.sqrt(squares / EXAMPLES), rtol=1e-10)


def test_dead_and_inactive_units_are_counted_by_hand():
    network = make(activation="relu", depth=3, width=10)
    with torch.no_grad():
        network.biases[0][:3] = -100.0  # three of ten: below zero for every example
        network.biases[1][:5] = -100.0
    _, _, _, us = by_hand(network)
    expected = [(u <= 0).all(axis=0).mean() for u in us]
    layers = layers_of(network)
    assert expected[0] >= 0.3
    assert expected[1] >= 0.5
    assert [layer.dead_fraction for layer in layers[:2]] == pytest.approx(expected)
    assert [layer.inactive_fraction for layer in layers[:2]] == pytest.approx(expected)
    assert math.isnan(layers[2].dead_fraction)
    assert all(math.isnan(layer.saturated_fraction) for layer in layers)


def test_an_inactive_leaky_unit_is_not_dead():
    network = make(activation="leaky_relu", depth=2, width=10)
    with torch.no_grad():
        network.biases[0][:] = -100.0
    layer = layers_of(network)[0]
    assert (layer.inactive_fraction, layer.dead_fraction) == (1, 0)
    assert layer.mean_activation_derivative == pytest.approx(0.01)


@pytest.mark.parametrize(("name", "edge"), [("tanh", 1.8184), ("sigmoid", 3.6369)])
def test_saturated_fraction_against_its_closed_form(name, edge):
    """φ' is a tenth of its maximum at tanh² z = 0.9, and at twice that z for the sigmoid."""
    network = make(activation=name, initialization="normal", weight_std=2.0)
    _, _, _, us = by_hand(network)
    layers = layers_of(network)
    for layer, u in zip(layers, us, strict=False):
        assert layer.saturated_fraction == pytest.approx((np.abs(u) > edge).mean())
    assert 0 < layers[1].saturated_fraction < 1
    assert math.isnan(layers[-1].saturated_fraction)


def test_measuring_changes_nothing():
    network = make(activation="relu", normalization="batch_norm")
    before = [p.detach().clone() for p in [*network.trained_parameters, *network.buffers()]]
    probe = Probe(network, *BATCH)
    first = probe.measure()
    np.testing.assert_equal(vars(probe.measure()), vars(first))
    after = [*network.trained_parameters, *network.buffers()]
    assert all(torch.equal(b, a) for b, a in zip(before, after, strict=True))


def test_a_gradient_below_float32s_squares_is_still_seen():
    run = Run(dataset="digits", depth=40, width=8, activation="sigmoid", initialization="standard")
    network = FeedForward(run, 7, CLASSES, torch.Generator().manual_seed(0))
    first = Probe(network, BATCH[0].float(), BATCH[1]).measure()
    assert first.float32_weight_gradient_norm[0] == 0
    assert 1e-40 < first.weight_gradient_norm[0] < 1e-22
