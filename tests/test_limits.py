"""Limits of heavy ball and Adam against closed forms, and the orders read off known tables."""

import math

import numpy as np
import pytest
import torch

from figures import flow_and_adaptive_steps as figure
from gradient_atlas.claims import flow_and_adaptive_steps as claims
from gradient_atlas.drawing.style import Style
from gradient_atlas.dynamics.flow import Tolerance
from gradient_atlas.dynamics.limit_experiment import paths
from gradient_atlas.dynamics.limits import limit_of, modified_flow, solve
from gradient_atlas.dynamics.losses import Loss, quadratic
from gradient_atlas.errors import InputError
from gradient_atlas.measures.limits import ends, orders
from gradient_atlas.tables.schemas.dynamics import LIMITS
from tables_of_dynamics import flow_and_adaptive_steps

TIGHT = Tolerance(1e-11, 1e-13)
TIMES = np.linspace(0.0, 2.0, 9)
CASES = {
    "rescaled_flow": {"momentum": 0.5},
    "inertial_flow": {"friction": 1.0},
    "sign_flow": {"momentum": 0.5, "second_momentum": 0.6, "epsilon": 0.3},
    "adaptive_flow": {"memory": 0.2, "second_memory": 0.3, "epsilon": 0.3},
}


def solved(name, loss, **changed):
    limit = limit_of(name, loss, CASES[name] | changed)
    return solve(limit.velocity, limit.start, TIMES, len(loss.start), TIGHT)[:, 0]


def test_the_rescaled_flow_of_a_quadratic_is_the_exponential():
    assert solved("rescaled_flow", quadratic([3.0])) == pytest.approx(np.exp(-3 * TIMES))


@pytest.mark.parametrize("curvature", [1.0, 0.1])  # the oscillator under- and overdamped
def test_the_inertial_flow_of_a_quadratic_is_the_damped_oscillator(curvature):
    roots = np.roots([1.0, 1.0, curvature]).astype(complex)
    # θ(0) = 1 and θ'(0) = 0
    weights = np.array([roots[1], -roots[0]]) / (roots[1] - roots[0])
    exact = sum(w * np.exp(r * TIMES) for w, r in zip(weights, roots, strict=True)).real
    assert solved("inertial_flow", quadratic([curvature])) == pytest.approx(exact)


def test_the_sign_flow_of_a_quadratic_is_known_implicitly():
    """θ' = -θ / (θ + ε) from 1: θ + ε ln θ = 1 - t."""
    theta = solved("sign_flow", quadratic([1.0]))
    assert theta + 0.3 * np.log(theta) == pytest.approx(1.0 - TIMES, abs=1e-9)


def test_the_adaptive_flow_of_a_linear_loss_has_constant_means():
    """The gradient is always 2, and so are its mean and its root mean square: θ' = -2/(2 + ε)."""
    loss = Loss("linear", lambda theta: 2 * theta.sum(), torch.ones(1, dtype=torch.float64))
    assert solved("adaptive_flow", loss) == pytest.approx(1 - 2 / 2.3 * TIMES)


def test_the_modified_flow_of_a_quadratic_is_heavy_balls_root():
    """Heavy ball multiplies by the larger root z of z² - (1 + β - ηλ) z + β, a step h = η/(1 - β):
    ln z / h is the modified rate -λ (1 + h λ (1 + β)/(2 (1 - β))) but for terms of second order."""
    beta, curvature = 0.6, 2.0
    for h in (1e-3, 1e-4):
        bound = 100 * h * h
        eta = h * (1 - beta)
        root = np.roots([1.0, -(1 + beta - eta * curvature), beta]).max()
        velocity, start = modified_flow(quadratic([curvature]), beta, h)
        assert velocity(0.0, np.ones(1))[0] == pytest.approx(math.log(root) / h, abs=bound)
        # What is left of a start at rest: the weight of that root's mode in θ_k = A z^k + B (β/z)^k
        # with θ₀ = 1 and θ₁ = 1 - ηλ.
        weight = (1 - eta * curvature - beta / root) / (root - beta / root)
        assert start[0] == pytest.approx(weight, abs=bound)


@pytest.mark.parametrize("name", CASES)
def test_the_optimizer_comes_to_its_limit_with_its_order(name):
    settings = CASES[name] | {"horizon": 1.0, "shown": [10], "steps": [400, 800, 1600]}
    found = paths(name, quadratic([1.0, 2.0]), settings, Tolerance(1e-10, 1e-12)).assign(seed=0)
    assert set(found.columns) == set(LIMITS.names)
    order = 0.5 if name == "inertial_flow" else 1.0
    assert orders(found, name, "distance") == pytest.approx([order], abs=0.02)
    if name == "rescaled_flow":
        assert orders(found, name, "modified_distance") == pytest.approx([2.0], abs=0.02)
    else:
        assert found["modified_distance"].isna().all()
    own = found[found["steps"] == 0]
    assert (own["distance"] == 0).all() and own["time"].iloc[-1] == 1.0
    assert found["solver_error"].max() < 1e-7
    assert (found.loc[found["step"] == 0, "distance"] == 0).all()


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_run_that_diverges_says_so_and_has_no_order():
    settings = CASES["rescaled_flow"] | {"horizon": 6.0, "shown": [4], "steps": [6, 8]}
    # From where a few growing steps leave float64; the flow, stiff beside them, is short.
    loss = quadratic([20.0], [1e152])
    found = paths("rescaled_flow", loss, settings, Tolerance(1e-6, 1e-8)).assign(seed=0)
    assert set(found.loc[found["steps"] > 0, "status"]) == {"diverged"}
    assert np.isnan(orders(found, "rescaled_flow", "distance")).all()


def test_an_unknown_limit_is_named():
    with pytest.raises(InputError, match="limit: 'flow'"):
        limit_of("flow", quadratic([1.0]), {})


def test_a_distance_near_the_solvers_error_is_not_known():
    limits = next(flow_and_adaptive_steps())["limits"]
    assert orders(limits, "sign_flow", "distance") == pytest.approx([1.0] * 5)
    blurred = limits.assign(solver_error=1.0)
    assert ends(blurred, "sign_flow", "distance")["distance"].isna().all()
    one = limits[limits["steps"].isin([0, 4])]
    assert np.isnan(orders(one, "sign_flow", "distance")).all()


@pytest.mark.parametrize(
    "style", [Style(), Style(venue="icml", column="half")], ids=["full", "half"]
)
def test_every_table_is_drawn(style):
    for tables in flow_and_adaptive_steps():
        with style.applied():
            figure.draw(tables, style).draw_without_rendering()
        assert "nan" not in figure.caption(tables).plain().split()
        assert len(claims.claims(tables)) == 5
