"""What runs say about 2/η, from tables whose answer is known; and the figures that say it."""

import math

import pytest
from pandas import DataFrame, concat

from figures import edge_of_stability, flow_sharpness
from gradient_atlas.drawing.bundle import drawn_data
from gradient_atlas.drawing.style import Style
from gradient_atlas.measures.edge import measured, runs

SETTINGS = {
    "dataset": "digits",
    "examples": 100,
    "hidden_widths": [8, 8],
    "every": 3,
    "tolerance": 1e-5,
}


def run(rate: float, seed: int, ratios: list[float], status: str = "ok") -> DataFrame:
    """A run measured every third step, its sharpness the given multiples of 2/η."""
    steps = 3 * (len(ratios) - 1) + 1
    values = [ratios[k // 3] * 2 / rate if k % 3 == 0 else math.nan for k in range(steps)]
    rows = {
        "learning_rate": rate,
        "seed": seed,
        "step": range(steps),
        "train_loss": [1 / (1 + k) for k in range(steps)],
        "sharpness": values,
        "status": ["ok"] * (steps - 1) + [status],
    }
    return DataFrame(rows)


@pytest.fixture
def tables() -> dict[str, DataFrame]:
    held = [0.5, 0.9, 1.1, 1.3, 1.02, 1.04, 1.03]
    descent = concat(
        [run(0.1, seed, held) for seed in (0, 1)]
        + [run(0.01, seed, [0.05, 0.06, 0.07, 0.08, 0.09, 0.1, 0.11]) for seed in (0, 1)]
        + [run(0.4, seed, [3.0], "diverged") for seed in (0, 1)],
        ignore_index=True,
    )
    flow = concat(
        [
            DataFrame(
                {
                    "seed": seed,
                    "step": range(4),
                    "time": [0.0, 0.5, 1.0, 2.0],
                    "train_loss": [1.0, 0.5, 0.3, 0.2],
                    "sharpness": [10.0, 15.0, 25.0, 40.0],
                    "energy_error": [0.0, 1e-6, 2e-6, 3e-6],
                }
            )
            for seed in (0, 1)
        ],
        ignore_index=True,
    )
    for key, value in SETTINGS.items():
        descent[key] = [value] * len(descent)
        flow[key] = [value] * len(flow)
    return {"descent": descent, "flow": flow}


def test_only_measured_rows_have_a_ratio(tables):
    rows = measured(tables["descent"])
    assert rows["sharpness"].notna().all()
    assert rows["ratio"].iloc[0] == pytest.approx(0.5)


def test_the_last_third_decides_and_a_diverged_run_has_none(tables):
    found = runs(tables["descent"], tables["flow"]).set_index(["learning_rate", "seed"])
    held, lost = found.loc[(0.1, 0)], found.loc[(0.4, 1)]
    assert (held["start"], held["late"], held["late_maximum"]) == pytest.approx((0.5, 1.03, 1.04))
    assert lost["status"] == "diverged"
    assert math.isnan(lost["late"])


def test_due_is_what_the_flow_would_have_passed_in_time(tables):
    found = runs(tables["descent"], tables["flow"]).set_index(["learning_rate", "seed"])["due"]
    # 2/0.1 = 20 is passed at time 1.0, and two thirds of 18 steps are time 1.2; 200 is not.
    assert found[0.1].all()
    assert not found[0.01].any()
    assert not found[0.4].any()
    slower = tables["flow"].assign(time=tables["flow"]["time"] * 1.3)
    assert not runs(tables["descent"], slower)["due"].any()


def test_verdicts_and_captions_follow_the_tables(tables):
    verdicts = {claim.claim: claim.verdict for claim in edge_of_stability.claims(tables)}
    assert verdicts == {
        "edge-of-stability": "supported",
        "edge-of-stability/explodes": "refuted",
    }
    text = edge_of_stability.caption(tables).plain()
    assert "1.03" in text and "diverges" in text
    flow_verdicts = {claim.claim: claim.verdict for claim in flow_sharpness.claims(tables)}
    assert set(flow_verdicts.values()) == {"supported"}
    one_seed = {name: table[table["seed"] == 0] for name, table in tables.items()}
    assert {claim.verdict for claim in edge_of_stability.claims(one_seed)} == {"not measured"}


def test_each_edge_is_drawn(tables):
    style = Style()
    with style.applied():
        drawn = drawn_data(edge_of_stability.draw(tables, style))
        flow = drawn_data(flow_sharpness.draw(tables, style))
    for edge in (5.0, 20.0, 200.0):
        assert (drawn["y"] - edge).abs().min() < 1e-9
    assert flow["y"].max() >= 40.0
