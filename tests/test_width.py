"""Parametrisations against their defining property, and what is read off tables of widths."""

import math

import numpy as np
import pytest
import torch

from figures import width_and_learning_rate as figure
from gradient_atlas.claims import width_and_learning_rate as claims
from gradient_atlas.drawing.style import Style
from gradient_atlas.dynamics.losses import gradient
from gradient_atlas.dynamics.network_loss import network_loss
from gradient_atlas.dynamics.width import coordinate_changes, descend, wide_network
from gradient_atlas.errors import InputError
from gradient_atlas.measures.width import best_rates, exponents, shifts
from gradient_atlas.networks.parametrization import LayerScale, layer_scales
from tables_of_dynamics import width_and_learning_rate, width_tables


@pytest.fixture(scope="module")
def data():
    generator = torch.Generator().manual_seed(2)
    inputs = torch.randn(24, 6, generator=generator, dtype=torch.float64)
    return inputs, torch.arange(24) % 3


def network_of(data, width, name, base=16, layers=2, seed=0):
    return wide_network(*data, width, layers, seed, 3, name, base)


def test_the_table_of_the_paper():
    """Yang et al. (2022), table 3, with n/n₀ = 4; six inputs and three outputs."""
    first, hidden, last = layer_scales("maximal_update", [6, 64, 64, 3], [6, 16, 16, 3])
    assert first == LayerScale(1.0, 4.0, 4.0)
    assert hidden == LayerScale(1.0, 1.0, 4.0)
    assert last == LayerScale(0.5, 0.25, 1.0)
    same = LayerScale(1.0, 1.0, 1.0)
    assert layer_scales("standard", [6, 64, 3], [6, 16, 3]) == [same] * 2
    assert layer_scales("maximal_update", [6, 16, 3], [6, 16, 3]) == [same] * 2
    assert layer_scales("maximal_update", [6, 3], [6, 3]) == [same]


def test_wrong_names_and_sizes_are_refused():
    with pytest.raises(InputError, match="parametrization: 'mup'"):
        layer_scales("mup", [1, 2], [1, 2])
    with pytest.raises(InputError, match="depth"):
        layer_scales("standard", [1, 2], [1, 2, 3])


def test_the_standard_network_is_plain_descent(data):
    network = network_of(data, 5, "standard")
    plain = network_loss(*data, [5, 5], 0, 3)
    assert torch.equal(network.loss.start, plain.start) and (network.rates == 1).all()
    theta = plain.start - 0.1 * gradient(plain, plain.start)
    found, loss, status = descend(network, 0.1, 1)
    torch.testing.assert_close(found, theta)
    assert (loss, status) == (pytest.approx(float(plain.function(theta))), "ok")


def test_a_diverging_run_says_so(data):
    assert descend(network_of(data, 5, "standard"), 1e4, 50)[1:] == (math.inf, "diverged")


def test_changes_are_those_of_the_layers_outputs(data):
    network = network_of(data, 4, "maximal_update", base=4, layers=1)
    theta = network.loss.start + 0.1

    def outputs(point):
        w1, b1, w2, b2 = point.split([24, 4, 12, 3])
        hidden = torch.tanh(data[0] @ w1.view(4, 6).T + b1)
        return hidden, hidden @ w2.view(3, 4).T + b2

    expected = [
        float((after - before).square().mean().sqrt())
        for before, after in zip(outputs(network.loss.start), outputs(theta), strict=True)
    ]
    assert coordinate_changes(network, theta, data[0]) == pytest.approx(expected)


def test_units_move_alike_at_every_width_under_maximal_update_alone(data):
    """What defines it: from width 64 to 1024 no layer's change goes as a power of the width."""
    found = {}
    for name in ("standard", "maximal_update"):
        changes = []
        for width in (64, 1024):
            runs = [network_of(data, width, name, base=64, seed=seed) for seed in range(4)]
            ends = [descend(run, 0.01, 2)[0] for run in runs]
            pairs = zip(runs, ends, strict=True)
            changes.append(np.mean([coordinate_changes(r, e, data[0]) for r, e in pairs], axis=0))
        found[name] = np.log(changes[1] / changes[0]) / np.log(16)
    assert np.abs(found["maximal_update"]).max() < 0.2
    assert found["standard"][0] < -0.4 and found["standard"][-1] > 0.4


def test_what_is_read_off_known_tables():
    tables = width_tables(shift={"standard": -2, "maximal_update": 0}, exponent=0.5)
    assert shifts(tables["width"], "standard") == [-2.0] * 5
    assert shifts(tables["width"], "maximal_update") == [0.0] * 5
    found = exponents(tables["coordinates"], "standard")
    assert found[2].tolist() == pytest.approx([0.5] * 5)
    best = best_rates(tables["width"]).query("parametrization == 'standard' and seed == 0")
    assert best["rate"].tolist() == [0.5, 0.125]
    lost = tables["width"].assign(status="diverged")
    assert best_rates(lost)["rate"].isna().all() and np.isnan(shifts(lost, "standard")).all()
    one = tables["width"][tables["width"]["width"] == 8]
    assert shifts(one, "standard") == []


@pytest.mark.parametrize(
    "style", [Style(), Style(venue="icml", column="half")], ids=["full", "half"]
)
def test_every_table_is_drawn(style):
    for tables in width_and_learning_rate():
        with style.applied():
            figure.draw(tables, style).draw_without_rendering()
        assert "nan" not in figure.caption(tables).plain().split()
        assert len(claims.claims(tables)) == 4
