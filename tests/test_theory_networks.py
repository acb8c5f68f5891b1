"""Theory of convolutions, residual networks and Transformers against networks of a large width."""

import math

import numpy as np
import pytest
import torch

from gradient_atlas.datasets.load import Data
from gradient_atlas.networks.architectures import build
from gradient_atlas.runs.network import parse_network_run
from gradient_atlas.theory.norms_of_networks import predict_networks
from gradient_atlas.theory.shortcuts import BATCH_VARIANCE, block_factors, stream_gains
from gradient_atlas.watching.probe import ModuleProbe

SHAPE, CLASSES = (1, 8, 8), 10


def data(examples):
    inputs = torch.randn(examples, 64, generator=torch.Generator().manual_seed(5)).double()
    labels = torch.arange(examples) % CLASSES
    return Data(inputs, labels, inputs, labels, CLASSES, "")


def beside(architecture, options, examples, seeds):
    """Rows of theory with what networks of these seeds measure: root of the mean square."""
    made = data(examples)
    run = parse_network_run(
        {"dataset": "random", "architecture": architecture, "architecture_options": options,
         "probe_examples": examples}
    )  # fmt: skip
    theory = predict_networks([run], {"random": (made, SHAPE)})
    squares = {}
    for seed in range(seeds):
        torch.manual_seed(seed)
        model = build(architecture, SHAPE, CLASSES, options).double()
        images = made.train_inputs.reshape(-1, *SHAPE)
        for row in ModuleProbe(model, images, made.train_labels).measure():
            norms = row["error_signal_norm"] ** 2, row["weight_gradient_norm"] ** 2
            squares.setdefault(row["module"], []).append(norms)
    found = np.array([np.mean(squares[name], axis=0) for name in theory.module])
    return theory.assign(error=0.5 * np.log10(found[:, 0]), weight=0.5 * np.log10(found[:, 1]))


@pytest.mark.parametrize(
    ("options", "tolerance"),
    [
        ({"normalization": "none", "branch": "plain"}, 0.12),
        ({"normalization": "none", "branch": "inverse_sqrt"}, 0.04),
        # The first blocks' channels are not yet Gaussian over the batch.
        ({"normalization": "batch_norm", "branch": "plain"}, 0.06),
    ],
)
def test_residual_networks_are_those_of_many_channels(options, tolerance):
    """What is left is 1/channels: 0.08 decades of 1.05 with 48 channels, 0.05 with 128."""
    rows = beside("resnet", {"blocks": 8, "channels": 48} | options, 16, 12)
    measured = rows.error - rows.error.iloc[-1]
    assert abs(measured - rows.predicted_log10_error_signal_gain).max() < tolerance
    assert rows.predicted_log10_error_signal_gain.iloc[0] > 2 * tolerance


def test_a_fixup_network_passes_signals_on_whole_once_its_head_has_moved():
    torch.manual_seed(0)
    model = build("resnet", SHAPE, CLASSES, {"blocks": 4, "channels": 4, "branch": "fixup"})
    with torch.no_grad():
        model[-1].weight.normal_()
    rows = ModuleProbe(model, torch.randn(4, *SHAPE), torch.arange(4)).measure()
    signals = [row["error_signal_norm"] for row in rows if row["module"].endswith("last")]
    assert signals == [signals[0]] * 4 and signals[0] > 0
    assert stream_gains(block_factors(4, "none", "fixup", 2.0)).tolist() == [0.0] * 4


def test_factors_are_those_of_the_papers():
    plain = block_factors(50, "none", "plain", 2.0)
    assert stream_gains(plain)[0] == pytest.approx(49 * math.log10(2) / 2)
    assert np.prod(block_factors(1000, "none", "inverse_sqrt", 2.0)) == pytest.approx(
        math.e, rel=1e-3
    )
    # Far from the stem a block adds 1/(c² l): doubling the depth multiplies by a constant.
    factors = block_factors(4096, "batch_norm", "plain", 2.0)
    for half in (512, 1024, 2048):
        octave = np.sum(np.log2(factors[half : 2 * half]))
        assert octave == pytest.approx(1 / BATCH_VARIANCE**2, rel=0.02)


@pytest.mark.parametrize(
    ("activation", "initialization", "tolerance"),
    [("tanh", "he", 0.1), ("tanh", "delta_orthogonal", 0.05), ("relu", "he", 0.1),
     ("tanh", "standard", 0.05)],
)  # fmt: skip
def test_convolutions_are_those_of_many_channels(activation, initialization, tolerance):
    options = {"depth": 8, "channels": 48, "activation": activation,
               "initialization": initialization}  # fmt: skip
    rows = beside("conv", options, 16, 6)
    measured = rows.error - rows.error.iloc[-1]
    assert len(rows) == 8
    assert abs(measured - rows.predicted_log10_error_signal_gain).max() < tolerance


@pytest.mark.parametrize("norm", ["pre", "post", "none", "deepnorm"])
def test_transformers_are_those_of_a_large_width_with_their_level(norm):
    """Nothing is fitted: the softmax itself is the top. Weight gradients hang on the few classes'
    mean error, which differs from network to network."""
    options = {"layers": 3, "width": 96, "heads": 4, "norm": norm, "queries": "zero"}
    rows = beside("transformer", options, 16, 16)
    assert len(rows) == 6
    assert abs(rows.error - rows.predicted_log10_error_signal_norm).max() < 0.03
    assert abs(rows.weight - rows.predicted_log10_weight_gradient_norm).max() < 0.15


def test_a_network_without_a_theory_has_no_rows():
    runs = [
        parse_network_run({"dataset": "random", "architecture": name, "architecture_options": {}})
        for name in ("torch.nn:Identity", "mlp")
    ]
    assert predict_networks(runs, {"random": (data(4), SHAPE)}).empty
