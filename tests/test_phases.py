"""Order and chaos: the plane's table, networks trained side by side, and what is read off both."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from gradient_atlas.ensembles.trainability import Plane, Training, train
from gradient_atlas.measures.phases import at_best_rate, learnt, shares
from gradient_atlas.theory.correlation import correlation_map
from gradient_atlas.theory.mean_field import variance_map
from gradient_atlas.theory.nonlinearity import from_torch
from gradient_atlas.theory.phases import point, predict_phases
from tables_of_ensembles import phase_tables

TANH = from_torch(torch.tanh)


def test_order_and_chaos_as_published():
    # Poole et al. 2016, figure 1: σ_b = 0.3; σ_w = 1.3 is ordered, 2.5 and 4 are chaotic.
    phases = [point(TANH, w**2, 0.09)["chi"] > 1 for w in (1.3, 2.5, 4.0)]
    assert phases == [False, True, True]


@pytest.mark.parametrize("sigma_w2", [0.8, 3.0])
def test_the_scales_are_those_of_the_iterated_maps(sigma_w2):
    found = point(TANH, sigma_w2, 0.05)
    q = found["variance"]
    near = q * (1 + 1e-5)
    for _ in range(3):
        before, near = near, variance_map(TANH, near, sigma_w2, 0.05)
    ratio = (near - q) / (before - q)
    assert -1 / math.log(ratio) == pytest.approx(found["variance_depth"], rel=1e-3)
    correlations = [0.3]
    for _ in range(60):
        correlations.append(correlation_map(TANH, correlations[-1], q, sigma_w2, 0.05))
    steps = np.diff(correlations[9:14] if sigma_w2 > 1 else correlations[30:34])
    assert -1 / math.log(steps[-1] / steps[-2]) == pytest.approx(
        found["correlation_depth"], rel=2e-2
    )


def test_the_table_holds_map_cut_and_networks():
    plane = {"largest_sigma_w2": 4.0, "largest_sigma_b2": 0.2, "points": 2}
    rows = predict_phases([1.0, 2.0], 0.05, plane)
    assert sorted(rows[rows.part == "map"].sigma_w2.unique()) == [1.0, 3.0]
    assert list(rows[rows.part == "networks"].sigma_w2) == [1.0, 2.0]
    assert rows[rows.part == "cut"].sigma_b2.eq(0.05).all()


def test_networks_side_by_side_are_those_trained_alone():
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(20, 5, generator=generator, dtype=torch.float64)
    labels = torch.arange(20) % 3
    plane, training = Plane([0.7, 2.0], 0.1, 6, 4), Training([0.1, 0.5], 8, 5)
    together = train(plane, training, inputs, labels, 3, seed=1)
    assert len(together) == 4
    for row in together:
        alone = Plane([row["sigma_w2"]], 0.1, 6, 4)
        (same,) = train(alone, Training([row["learning_rate"]], 8, 5), inputs, labels, 3, seed=1)
        assert same == pytest.approx(row)


def test_a_step_is_that_of_torch_by_hand():
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(12, 4, generator=generator, dtype=torch.float64)
    labels = torch.arange(12) % 2
    (found,) = train(Plane([1.5], 0.2, 5, 3), Training([0.3], 6, 4), inputs, labels, 2, seed=7)
    generator = torch.Generator().manual_seed(7)
    layers = []
    for n_in, n_out in ((4, 5), (5, 5), (5, 2)):
        weight = torch.randn(n_in, n_out, generator=generator, dtype=torch.float64)
        bias = torch.randn(1, n_out, generator=generator, dtype=torch.float64)
        layer = torch.nn.Linear(n_in, n_out, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_((1.5 / n_in) ** 0.5 * weight.T)
            layer.bias.copy_(0.2**0.5 * bias[0])
        layers.append(layer)
    network = torch.nn.Sequential(layers[0], torch.nn.Tanh(), layers[1], torch.nn.Tanh(), layers[2])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.3)
    for _ in range(4):
        rows = torch.randint(12, (6,), generator=generator)
        optimizer.zero_grad()
        functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
        optimizer.step()
    right = (network(inputs).argmax(1) == labels).double().mean()
    assert found["accuracy"] == pytest.approx(float(right))


def test_measures_know_the_best_rate_and_both_sides_of_the_scale():
    tables = phase_tables(within=0.95, beyond=0.1, slope=1.0, seeds=[0, 1])
    assert set(at_best_rate(tables["trained"]).learning_rate) == {0.1}
    cells = learnt(tables["trained"], tables["theory"])
    assert shares(cells, within=True) == [1.0, 1.0] and shares(cells, within=False) == [0.0, 0.0]
