"""The figures about descent and flow on small tables with known answers."""

import importlib

import numpy as np
import pytest

import tables_of_dynamics
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


def needed(name, tables):
    return {key: tables[key] for key in importlib.import_module(f"figures.{name}").TABLES}


def claims_of(name, tables):
    module = importlib.import_module(f"gradient_atlas.claims.{name}")
    return module.claims(needed(name, tables))


def drawn(name, tables, style):
    module = importlib.import_module(f"figures.{name}")
    with style.applied():
        figure = module.draw(needed(name, tables), style)
        figure.draw_without_rendering()
    return module.caption(needed(name, tables)).plain()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "style", [Style(), Style(venue="icml", column="half")], ids=["full", "half"]
)
def test_it_draws_with_its_caption(name, style, tables):
    text = drawn(name, tables, style)
    assert "not measured" not in text
    assert "[[" not in text


def test_the_verdicts_are_those_of_the_closed_forms(tables):
    found = {claim.claim: claim.verdict for name in NAMES for claim in claims_of(name, tables)}
    assert found == dict.fromkeys(
        [
            "quadratic-small-rate/smooth",
            "quadratic-small-rate/converges",
            "quadratic-medium-rate/oscillates",
            "quadratic-medium-rate/converges",
            "quadratic-threshold/large-rate",
            "quadratic-threshold/bisection",
            "high-rates-overshoot/quadratic",
            "heavy-ball-threshold",
            "flow-and-descent-part/quadratic",
            "flow-and-descent-part/network",
            "flow-is-the-limit/quadratic",
            "flow-is-the-limit/quadratic-modified",
            "flow-is-the-limit/network",
            "flow-is-the-limit/network-modified",
            "descent-escapes-slow-regions",
            "escape-beside-a-saddle",
        ],
        "supported",
    )


def test_rates_that_were_not_run_are_not_measured(tables):
    other = tables["paths"][tables["paths"]["learning_rate"] == 0.019]
    changed = tables | {"paths": other, "bracket": tables["bracket"].iloc[1:]}
    found = {c.claim: c.verdict for c in claims_of("quadratic_trajectories", changed)}
    assert found["quadratic-medium-rate/converges"] == "supported"
    assert found["quadratic-small-rate/smooth"] == "not measured"
    assert found["quadratic-threshold/large-rate"] == "not measured"
    assert found["quadratic-threshold/bisection"] == "not measured"


def test_a_run_that_is_still_on_its_way_decides_nothing_of_convergence(tables):
    paths = tables["paths"]
    early = paths[(paths["learning_rate"] == 0.001) & (paths["step"] < 100)]
    found = {c.claim: c for c in claims_of("quadratic_trajectories", tables | {"paths": early})}
    assert np.isnan(found["quadratic-small-rate/converges"].values).all()


def test_an_order_near_the_solvers_error_is_not_measured(tables):
    blurred = tables["order"].assign(solver_error=1.0)
    claims = claims_of("loss_vs_effective_time", tables | {"order": blurred})
    assert {claim.verdict for claim in claims} == {"not measured"}


def test_an_escape_that_never_arrives_decides_nothing(tables):
    never = tables["escape"].assign(time=np.inf)
    claims = claims_of("escaping_slow_regions", tables | {"escape": never})
    assert {claim.verdict for claim in claims} == {"not measured"}


def test_a_saddle_alone_refutes_that_descent_escapes_faster(tables):
    own = {
        name: tables[name][tables[name]["problem"] == "saddle"] for name in ("escape", "predicted")
    }
    found = {c.claim: c.verdict for c in claims_of("escaping_slow_regions", tables | own)}
    assert found == {
        "descent-escapes-slow-regions": "refuted",
        "escape-beside-a-saddle": "supported",
    }


@pytest.mark.parametrize("name", ["gd_vs_flow_trajectories", "loss_vs_effective_time"])
def test_a_problem_may_have_any_name(name, tables):
    renamed = {
        key: table.assign(problem="v_" + table["problem"]) if "loss_function" in table else table
        for key, table in tables.items()
    }
    text = drawn(name, renamed, Style())
    assert "V quadratic" in text
    assert "Network: tanh" in text  # known by its loss


def test_the_escapes_of_a_users_own_loss_get_a_neutral_sentence(tables):
    own = {
        "escape": tables["escape"].query("problem == 'valley'").assign(problem="my_bowl"),
        "predicted": tables["predicted"]
        .query("problem == 'valley'")
        .assign(problem="my_bowl", place="", overshoot_rate=np.nan),
    }
    text = drawn("escaping_slow_regions", tables | own, Style())
    assert "(a) My bowl, descent is" in text
    assert "Rosenbrock" not in text and "saddle" not in text


def test_one_rate_alone_is_drawn(tables):
    flow = tables["flow"]
    one = flow[(flow["method"] == "flow") | (flow["learning_rate"] == 0.02)]
    text = drawn("gd_vs_flow_trajectories", tables | {"flow": one}, Style())
    assert "0.02" in text and "0.15" not in text


@pytest.mark.parametrize(
    "name",
    ["edge_of_stability", "central_flow", "gd_vs_flow_trajectories", "loss_vs_effective_time"],
)
def test_a_caption_names_the_network_that_was_used(name, tables):
    made = getattr(tables_of_dynamics, name, None)
    given = next(iter(made())) if made else needed(name, tables)
    given = {
        key: table.drop(columns="hidden_widths").assign(
            architecture="conv", architecture_options='{"channels": 7, "kernel": 3}'
        )
        if "hidden_widths" in table
        else table
        for key, table in given.items()
    }
    module = importlib.import_module(f"figures.{name}")
    assert "conv network with channels 7, kernel 3" in module.caption(given).text
    claims = importlib.import_module(f"gradient_atlas.claims.{name}").claims(given)
    assert not any("hidden width" in claim.condition for claim in claims)
