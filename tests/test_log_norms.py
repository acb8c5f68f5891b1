"""Norms in random ReLU networks: the exact law, the shortcut that draws it, and real networks."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import ks_2samp

from gradient_atlas.ensembles.log_norms import log_norms
from gradient_atlas.measures.log_norms import known, mean_per_ratio, moments, variance_per_ratio
from gradient_atlas.theory.finite_width import (
    drift_per_layer,
    predict_log_norms,
    relative_variance,
    relu_factor,
)
from gradient_atlas.theory.nonlinearity import Nonlinearity

RELU = Nonlinearity(lambda z: np.maximum(z, 0), lambda z: 1.0 * (z > 0), (0.0, 1.0))


@pytest.mark.parametrize("width", [8, 40])
def test_the_factor_has_the_moments_of_sampled_layers(width):
    generator = np.random.default_rng(width)
    layers = np.maximum(generator.standard_normal((400_000, width)), 0)
    squares = 2 / width * (layers**2).sum(axis=1)
    logs = np.log(squares[squares > 0])
    mean, variance = relu_factor(width)
    assert mean == pytest.approx(logs.mean(), abs=5 * np.sqrt(variance / len(logs)))
    assert variance == pytest.approx(logs.var(), rel=0.02)


def test_a_wide_layer_has_the_constants_of_hanin_and_nica():
    mean, variance = relu_factor(20_000)
    assert variance * 20_000 == pytest.approx(5, rel=1e-3)
    assert mean * 20_000 == pytest.approx(-2.5, rel=1e-3)
    assert relative_variance(RELU, 1.0) == 5
    # The older estimate of the drift, in decades of the norm itself.
    assert mean / (2 * np.log(10)) == pytest.approx(drift_per_layer(RELU, 1.0, 20_000), rel=1e-3)


def test_depths_add_up():
    rows = predict_log_norms([16, 32], [1, 10])
    assert rows.variance[1] == pytest.approx(10 * rows.variance[0])
    assert rows.beta[3] == 50 / 32


def real_network(width, depth, seed):
    """Both logarithms of one network with all its weights, the gradient by autograd."""
    generator = torch.Generator().manual_seed(seed)
    a = torch.ones(width, dtype=torch.float64, requires_grad=True)
    out = a
    for _ in range(depth):
        weight = torch.randn(width, width, generator=generator, dtype=torch.float64)
        out = torch.relu((2 / width) ** 0.5 * weight @ out)
    signal = torch.randn(width, generator=generator, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(out @ signal, a)
    forward = torch.log(out.square().sum() / width)
    return float(forward.detach()), float(
        torch.log(gradient.square().sum() / signal.square().sum())
    )


def test_the_shortcut_has_the_law_of_real_networks():
    width, depth, count = 24, 5, 1500
    real = np.array([real_network(width, depth, seed) for seed in range(count)])
    (drawn,) = log_norms(width, [depth], count, seed=0)
    both = np.stack([drawn["log_activation"], drawn["log_gradient"]], axis=1)
    for one, other in zip(real.T, both.T, strict=True):
        assert ks_2samp(one, other).pvalue > 1e-3
    # Forward and backward norms of one network hang together, and alike.
    assert np.corrcoef(real.T)[0, 1] == pytest.approx(np.corrcoef(both.T)[0, 1], abs=0.1)


def test_the_shortcut_meets_the_exact_moments():
    found = list(log_norms(24, [3, 12], 4000, seed=1))
    for one in found:
        mean, variance = (one["depth"] * value for value in relu_factor(24))
        for column in ("log_activation", "log_gradient"):
            assert one[column].mean() == pytest.approx(mean, abs=5 * np.sqrt(variance / 4000))
            assert one[column].var() == pytest.approx(variance, rel=0.12)


def test_measures_leave_out_networks_without_a_norm():
    rows = pd.DataFrame(
        {
            "width": 10,
            "seed": 0,
            "network": [1, 1, 2, 2, 3, 3],
            "depth": [2, 4] * 3,
            "log_gradient": [1.0, 3.0, 3.0, 7.0, 0.0, -np.inf],
            "log_activation": 0.0,
        }
    )
    assert set(known(rows).network) == {1, 2}
    # Steps 1 and 3, then 2 and 4: variance 2 each, over 2/10.
    assert variance_per_ratio(rows, "log_gradient") == pytest.approx([10.0])
    assert mean_per_ratio(rows, "log_gradient") == pytest.approx([5.0 / 0.4])
    table = moments(rows, "log_gradient").set_index("depth")
    assert table["mean"][4] == 5 and table.variance[4] == 8 and table.ratio[2] == 0.2
