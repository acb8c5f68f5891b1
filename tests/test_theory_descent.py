"""Closed forms of descent against iterated descent, autograd and a dense eigensolver."""

import numpy as np
import pytest
import torch

from gradient_atlas.dynamics import losses
from gradient_atlas.dynamics.descent import descend
from gradient_atlas.tables.schemas import theory as schemas
from gradient_atlas.theory import descent, quadratic, rosenbrock, two_factor

SETTINGS = {
    "spectrum": [30.0, 2.0, 7.0],
    "start": [0.5, -1.5, 1.0],
    "learning_rates": [0.01, 0.06, 0.08],
    "steps": 40,
    "momenta": [0.5, 0.9],
    "scan": {"largest_rate": 0.12, "rates": 6, "steps": 100},
}
ESCAPES = {
    "here": {"loss": "two_factor", "parameters": {"start": [1e-4, 1e-4]}},
    "there": {"loss": "two_factor", "parameters": {"start": [3.0, -1.0]}},
    "near_a_minimum": {"loss": "two_factor", "parameters": {"start": [1.0, 0.5]}},
    "curved": {"loss": "rosenbrock", "parameters": {}},
    "mine": {"loss": "my_losses:bowl", "parameters": {"depth": 3}},
}


@pytest.mark.parametrize("rate", SETTINGS["learning_rates"])
def test_every_step_of_descent_lies_on_a_curve(rate):
    loss = losses.quadratic(SETTINGS["spectrum"], SETTINGS["start"])
    path = descend(loss, rate, SETTINGS["steps"])
    curves = descent.quadratic_paths(SETTINGS)
    curve = curves[curves["learning_rate"] == rate]
    for k in (0, 1, 2, 9, 10):
        found = curve[np.isclose(curve["k"], k)]
        points = found[["theta_1", "theta_2"]].to_numpy()
        assert np.abs(points - path.points[k, :2]).sum(axis=1).min() < 1e-12
        assert found["loss"].to_numpy() == pytest.approx(path.losses[k])


def test_the_bowl_is_the_loss():
    bowl = descent.quadratic_bowl(SETTINGS)
    loss = losses.quadratic(SETTINGS["spectrum"], SETTINGS["start"])
    for row in bowl.iloc[::997].itertuples():
        theta = torch.tensor([row.theta_1, row.theta_2, 0.0], dtype=torch.float64)
        assert row.loss == pytest.approx(float(loss.function(theta)))
    assert (bowl["curvature_1"].iloc[0], bowl["dimensions"].iloc[0]) == (30.0, 3)


def test_predicted_rates_hold_the_scanned_ones_in_order():
    rates = descent.quadratic_rates(SETTINGS)
    scanned = rates[rates["scanned"] & (rates["momentum"] == 0.5)]
    assert scanned["learning_rate"].to_numpy() == pytest.approx(0.12 * np.arange(1, 7) / 6)


def test_plain_descent_has_its_thresholds_even_if_only_momentum_was_run():
    plain = descent.quadratic_thresholds(SETTINGS).set_index("momentum").loc[0.0]
    assert plain["threshold"] == pytest.approx(2 / 30)
    assert plain["crossing_rate"] == pytest.approx(1 / 30)
    # No rate on a fine grid contracts faster.
    grid = np.linspace(0.001, 2 / 30, 2000)
    factors = [max(abs(1 - rate * value) for value in SETTINGS["spectrum"]) for rate in grid]
    assert plain["best_contraction"] <= min(factors) + 1e-12
    assert plain["best_rate"] == pytest.approx(grid[int(np.argmin(factors))], abs=1e-4)


@pytest.mark.parametrize("theta", [(-1.2, 1.0), (0.3, -0.7), (1.0, 1.0)])
def test_the_hessian_of_rosenbrock_is_that_of_autograd(theta):
    point = torch.tensor(theta, dtype=torch.float64)
    known = torch.autograd.functional.hessian(losses.rosenbrock().function, point)
    assert rosenbrock.hessian(theta) == pytest.approx(known.numpy())


def test_above_the_saddle_descent_changes_sides_from_the_derived_rate_on():
    start = (3.0, -1.0)
    edge = 1 / two_factor.residual(start)
    for rate, crosses in ((0.97 * edge, False), (1.03 * edge, True)):
        path = descend(losses.two_factor(start), rate, 1)
        differences = path.points[:, 0] - path.points[:, 1]
        assert (differences[0] * differences[1] < 0) == crosses


def test_escapes_are_told_by_loss_and_start_and_not_by_their_names():
    limits = {"largest_rate": 0.5, "rates": 3}
    found = descent.escapes({name: escape | limits for name, escape in ESCAPES.items()})
    assert dict(found.groupby("problem")["place"].first()) == {
        "here": "saddle",
        "there": "above_saddle",
        "near_a_minimum": "",
        "curved": "valley",
        "mine": "",
    }
    beside = found[found["problem"] == "here"]
    # Descent multiplies by 1 + η a step, the flow by e^η.
    rates = beside["learning_rate"].to_numpy()
    assert beside["slowdown"].to_numpy() == pytest.approx(rates / np.log(1 + rates))
    assert (
        found.loc[found["problem"] == "mine", ["slowdown", "overshoot_rate"]].isna().all(axis=None)
    )


def test_its_tables_have_the_declared_columns():
    limits = {"largest_rate": 0.5, "rates": 3}
    escapes = {name: escape | limits for name, escape in ESCAPES.items()}
    for schema, table in (
        (schemas.QUADRATIC_PATHS, descent.quadratic_paths(SETTINGS)),
        (schemas.QUADRATIC_BOWL, descent.quadratic_bowl(SETTINGS)),
        (schemas.QUADRATIC_RATES, descent.quadratic_rates(SETTINGS)),
        (schemas.QUADRATIC_THRESHOLDS, descent.quadratic_thresholds(SETTINGS)),
        (schemas.ESCAPES, descent.escapes(escapes)),
    ):
        assert set(table.columns) == set(schema.names)


def test_a_magnitude_of_half_a_step_lies_between_two():
    sizes = quadratic.magnitudes(0.5, [1.0], [1.0], np.array([1.0, 1.5, 2.0]))[:, 0]
    assert sizes[1] ** 2 == pytest.approx(sizes[0] * sizes[2])
