"""A warm-up of the learning rate: its schedule, descent with it, what its tables say."""

import math

import numpy as np
import pytest

from figures import warmup as figure
from gradient_atlas.claims import warmup as claims
from gradient_atlas.drawing.style import Style
from gradient_atlas.dynamics.losses import gradient, quadratic
from gradient_atlas.dynamics.warmup import scaled, warmup_path
from gradient_atlas.errors import InputError
from gradient_atlas.measures.warmup import flattening, gain, largest_rates, next_rate, rise_without
from gradient_atlas.runs.schedule import warmup_factor
from tables_of_dynamics import warmup, warmup_tables


def test_the_rate_rises_in_equal_steps_to_its_whole():
    assert [warmup_factor(k, 4) for k in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert [warmup_factor(k, 0) for k in range(3)] == [1.0] * 3


def test_descent_with_a_warm_up_is_descent_with_these_rates(network):
    theta, points = network.start, list(warmup_path(network, 0.2, 3, 5, 1))
    for point, factor in zip(points, (1 / 3, 2 / 3, 1, 1, 1, 1), strict=True):
        assert point.rate == pytest.approx(0.2 * factor)
        slope = gradient(network, theta)
        assert point.train_loss == pytest.approx(float(network.function(theta)))
        assert point.gradient_norm == pytest.approx(float(slope.norm()))
        theta = theta - 0.2 * factor * slope


def test_on_a_quadratic_the_factors_multiply():
    """θ_k = Π (1 - η_j λ): a warm-up over 4 steps begins with rates below the edge 2/λ = 0.5."""
    *_, end = warmup_path(quadratic([4.0]), 0.6, 4, 6, 6)
    factors = [1 - 4 * 0.6 * f for f in (0.25, 0.5, 0.75, 1, 1, 1)]
    assert end.train_loss == pytest.approx(2 * math.prod(factors) ** 2)
    assert end.sharpness == pytest.approx(4.0)
    assert end.largest_loss == pytest.approx(2.0)


def test_divergence_ends_the_run():
    *_, end = warmup_path(quadratic([4.0]), 5.0, 0, 500, 7)
    assert end.status == "diverged" and math.isnan(end.sharpness) and math.isinf(end.largest_loss)
    path = warmup_path(quadratic([4.0]), 0.1, 0, 4, 2, measures_sharpness=False)
    assert all(math.isnan(point.sharpness) for point in path)


def test_a_start_farther_out_is_the_same_loss():
    loss = scaled(quadratic([1.0, 2.0]), 3.0)
    assert loss.start.tolist() == [3.0, 3.0]


def test_senseless_parameters_are_named():
    with pytest.raises(InputError, match="learning_rate"):
        next(warmup_path(quadratic([1.0]), 0.0, 0, 1, 1))
    with pytest.raises(InputError, match="every"):
        next(warmup_path(quadratic([1.0]), 0.1, 0, 1, 0))


def test_what_is_read_off_known_tables():
    table = warmup_tables(ratio=0.2, growth=3.0, plain=2.0, warm=8.0)["warmup"]
    # 4 does not diverge by itself in these tables, but 2 is followed by no gap below it.
    assert largest_rates(table)[0].tolist() == [4.0] * 5
    assert largest_rates(table)[10].tolist() == [8.0] * 5
    assert gain(table) == [2.0] * 5
    assert next_rate(table) == pytest.approx(4 / 3)
    assert rise_without(table) == [3.0] * 5
    found = flattening(table)
    assert found["ratio"].tolist() == pytest.approx([0.2] * 5)
    assert found["edge"].tolist() == pytest.approx([0.2 * 100 * 0.08 / 2] * 5)


def test_a_rate_beyond_one_that_diverges_is_not_stable():
    table = warmup_tables(plain=1.0)["warmup"]
    assert np.isnan(largest_rates(table)[0]).all() and np.isnan(gain(table)).all()
    assert gain(table[table["warmup"] == 0]) == []
    assert math.isnan(next_rate(table[table["scaled_rate"] == 2.0]))


@pytest.mark.parametrize(
    "style", [Style(), Style(venue="icml", column="half")], ids=["full", "half"]
)
def test_every_table_is_drawn(style):
    for tables in warmup():
        with style.applied():
            figure.draw(tables, style).draw_without_rendering()
        assert "nan" not in figure.caption(tables).plain().split()
        assert len(claims.claims(tables)) == 3
