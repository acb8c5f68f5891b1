"""The five figures about descent and flow on small tables with known answers."""

import importlib

import numpy as np
import pytest

from gradient_atlas.drawing.style import Style
from tables_of_dynamics import simulated


@pytest.fixture(scope="module")
def tables():
    """Without the third problem, which only repeats the first."""
    return {
        name: table[table["problem"] != "rosenbrock"] if "problem" in table else table
        for name, table in simulated().items()
    }


NAMES = [
    "quadratic_trajectories",
    "quadratic_convergence_rate",
    "gd_vs_flow_trajectories",
    "loss_vs_effective_time",
    "escaping_slow_regions",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "style", [Style(), Style(venue="icml", column="half")], ids=["full", "half"]
)
def test_it_draws_with_its_caption(name, style, tables, tmp_path):
    module = importlib.import_module(f"figures.{name}")
    needed = {key: tables[key] for key in module.TABLES}
    with style.applied():
        figure = module.draw(needed, style)
        figure.savefig(tmp_path / "figure.pdf")
    text = module.caption(needed).plain()
    assert "not measured" not in text
    assert "[[" not in text


def verdicts(tables):
    found = {}
    for name in NAMES:
        module = importlib.import_module(f"figures.{name}")
        for claim in module.claims({key: tables[key] for key in module.TABLES}):
            found[claim.claim] = claim
    return found


def test_the_verdicts_are_those_of_the_closed_forms(tables):
    found = verdicts(tables)
    assert {claim: found[claim].verdict for claim in found} == {
        "quadratic-small-rate/smooth": "supported",
        "quadratic-small-rate/converges": "supported",
        "quadratic-medium-rate/oscillates": "supported",
        "quadratic-medium-rate/converges": "supported",
        "quadratic-threshold/large-rate": "supported",
        "quadratic-threshold/bisection": "supported",
        "quadratic-threshold/momentum": "refuted",
        "flow-and-descent-part/quadratic": "supported",
        "flow-and-descent-part/network": "supported",
        "flow-and-descent-part/only-large-steps": "refuted",
        "flow-is-the-limit/quadratic": "supported",
        "flow-is-the-limit/quadratic-modified": "supported",
        "flow-is-the-limit/network": "supported",
        "flow-is-the-limit/network-modified": "supported",
        "descent-escapes-slow-regions/saddle": "refuted",
        "descent-escapes-slow-regions/overshoot": "supported",
        "descent-escapes-slow-regions/valley": "supported",
    }


def test_rates_that_were_not_run_are_not_measured(tables):
    module = importlib.import_module("figures.quadratic_trajectories")
    other = tables["paths"][tables["paths"]["learning_rate"] == 0.019]
    needed = {"paths": other, "threshold": tables["threshold"].iloc[1:]}
    found = {claim.claim: claim.verdict for claim in module.claims(needed)}
    assert found["quadratic-medium-rate/converges"] == "supported"
    assert {verdict for claim, verdict in found.items() if "medium" not in claim} == {
        "not measured"
    }


def test_an_order_near_the_solvers_error_is_not_measured(tables):
    module = importlib.import_module("figures.loss_vs_effective_time")
    blurred = tables["order"].assign(solver_error=1.0)
    claims = module.claims({"flow": tables["flow"], "order": blurred})
    assert {claim.verdict for claim in claims} == {"not measured"}


def test_an_escape_that_never_arrives_decides_nothing(tables):
    module = importlib.import_module("figures.escaping_slow_regions")
    never = tables["escape"].assign(time=np.inf)
    assert {c.verdict for c in module.claims({"escape": never})} == {"not measured"}
