"""What runs say about 2/η, from tables whose answer is known; and the figures that say it."""

import math

import numpy as np
import pandas as pd
import pytest

from figures import edge_of_stability, flow_sharpness
from gradient_atlas.claims import edge_of_stability as edge_claims
from gradient_atlas.claims import flow_sharpness as flow_claims
from gradient_atlas.drawing.bundle import drawn_data
from gradient_atlas.drawing.style import Style
from gradient_atlas.measures.central import at_edge
from gradient_atlas.measures.edge import (
    at_the_edge,
    measured,
    nearest_explosion,
    passed,
    passing,
    runs,
    windows,
)
from tables_of_dynamics import central_flow, edge_tables


def table_of(tables):
    return runs(tables["descent"], tables["flow"])


def verdicts(tables):
    return {claim.claim: claim.verdict for claim in edge_claims.claims(tables)}


def test_only_measured_rows_have_a_ratio():
    tables = edge_tables()
    tables["descent"].loc[tables["descent"]["step"] % 2 == 1, "sharpness"] = math.nan
    rows = measured(tables["descent"])
    assert (rows["step"] % 2 == 0).all()
    assert rows["ratio"].iloc[0] == pytest.approx(0.5)


def test_a_run_is_told_by_its_last_third():
    row = table_of(edge_tables(late=1.02)).iloc[0]
    assert (row["start"], row["late"], row["middle"]) == pytest.approx((0.5, 1.02, 1.02))
    assert (row["second"], row["along"]) == pytest.approx((0.95 * 1.02, 1.0))
    assert row["due"]


def test_a_run_is_due_if_its_flow_reaches_the_edge_in_time():
    assert table_of(edge_tables(passes=1.5))["due"].all()
    assert not table_of(edge_tables(passes=0.9))["due"].any()
    slower = edge_tables(passes=1.5)
    slower["flow"]["time"] *= 2  # at time 2, and two thirds of 29 steps of 0.1 are 1.93
    assert not table_of(slower)["due"].any()


def test_a_run_that_leaves_the_edge_by_diverging_counts():
    tables = edge_tables(diverges=True)
    row = table_of(tables).iloc[0]
    assert math.isinf(row["late"])
    assert row["due"]
    assert row["exploded"] == pytest.approx(0.0)  # it was measured at the edge itself
    assert verdicts(tables)["explodes-at-the-edge"] == "supported"
    assert verdicts(tables)["edge-of-stability/tanh"] == "refuted"


def test_a_run_that_starts_far_beyond_its_edge_and_diverges_was_never_there():
    tables = edge_tables(diverges=True)
    descent = tables["descent"]
    descent["sharpness"] = 60.0
    assert not table_of(tables)["due"].any()
    assert verdicts(tables)["explodes-at-the-edge"] == "refuted"
    assert nearest_explosion(table_of(tables))["exploded"].tolist() == pytest.approx([2.0] * 5)


def test_a_gradient_that_leaves_its_orders_of_magnitude_explodes_though_the_run_survives():
    tables = edge_tables()
    descent = tables["descent"]
    descent["train_loss"] = 1.0
    assert table_of(tables)["exploded"].tolist() == [math.inf] * 10
    descent.loc[descent["step"] == 15, "train_loss"] = 1.1e4  # the gradient grows 105 times
    assert np.isfinite(table_of(tables)["exploded"]).all()


def test_the_rate_that_is_judged_is_one_for_all_seeds():
    tables = edge_tables(late=1.02)
    far = edge_tables(late=1.3)
    far["descent"]["learning_rate"] = 0.2
    far["descent"]["sharpness"] /= 2
    descents = pd.concat([tables["descent"], far["descent"]], ignore_index=True)
    both = {"descent": descents, "flow": tables["flow"]}
    worst = at_the_edge(table_of(both), "tanh")
    assert worst["late"].tolist() == pytest.approx([1.3] * 5)
    assert worst["seed"].tolist() == [0, 1, 2, 3, 4]


def test_windows_hold_medians_of_tenths():
    tables = edge_tables(late=1.02)
    found = windows(tables["descent"], table_of(tables))
    one = found[(found["activation"] == "tanh") & (found["seed"] == 0)]
    assert one["window"].tolist() == list(range(1, 11))
    assert one["ratio"].iloc[[0, -1]].tolist() == pytest.approx([0.5, 1.02])


def test_the_flow_is_held_to_the_largest_edge_above_its_start():
    tables = edge_tables(passes=1.5)
    chosen = passed(passing(tables["descent"], tables["flow"]), "relu")
    assert chosen["largest"].tolist() == pytest.approx([1.5] * 5)
    tables["flow"]["sharpness"] = 50.0
    assert passed(passing(tables["descent"], tables["flow"]), "relu").empty


def test_one_seed_decides_nothing():
    found = verdicts(edge_tables(seeds=[0]))
    # No rate explodes, so that nothing was seen of how explosions begin.
    assert found.pop("explodes-at-the-edge") == "not measured"
    assert set(found.values()) <= {"undecided", "refuted"}
    assert found["edge-of-stability/tanh"] == "undecided"
    lost = verdicts(edge_tables(seeds=[0], diverges=True))
    assert lost["explodes-at-the-edge"] == "undecided"
    flow = {claim.claim: claim.verdict for claim in flow_claims.claims(edge_tables(seeds=[0]))}
    assert flow["flow-passes-the-edge/tanh"] == "undecided"


def test_a_loss_that_never_rises_is_an_identity_of_the_flow():
    found = {claim.claim: claim.verdict for claim in flow_claims.claims(edge_tables())}
    assert found["flow-energy/tanh"] == "identity"


@pytest.mark.parametrize(
    "style", [Style(), Style(venue="icml", column="half")], ids=["full", "half"]
)
def test_each_edge_is_drawn(style):
    tables = edge_tables()
    with style.applied():
        drawn = drawn_data(edge_of_stability.draw(tables, style))
        flow = drawn_data(flow_sharpness.draw(tables, style))
    assert (drawn["y"] - 20.0).abs().min() < 1e-9
    assert flow["y"].max() >= 30.0


@pytest.mark.parametrize(
    "changes", [{"diverges": True}, {"passes": 0.9}, {"seeds": [3]}, {"passes": 0.9, "late": 3.0}]
)
def test_what_is_left_is_drawn(changes):
    tables, style = edge_tables(**changes), Style()
    for module in (edge_of_stability, flow_sharpness):
        with style.applied():
            module.draw(tables, style).draw_without_rendering()
        assert "nan" not in module.caption(tables).plain().split()


def test_errors_of_the_central_flow_are_of_means_behind_its_edge():
    paths = next(central_flow())["paths"]
    row = at_edge(paths).iloc[0]
    assert (row["arrival"], row["windows"]) == (1, 2)
    # Descent's loss is 1, the prediction 1, and the loss on the central flow itself 0.9.
    assert (row["with_variance"], row["alone"]) == pytest.approx((0.0, 0.1))
