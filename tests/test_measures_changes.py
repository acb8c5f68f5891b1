"""Runs stand beside the network that they differ from in one remedy, whatever they are called."""

import math

import pandas as pd
import pytest

from gradient_atlas.measures.changes import groups
from gradient_atlas.measures.explosion import (
    called,
    largest_gradients,
    largest_updates,
    overshoots,
    panels,
)
from gradient_atlas.measures.remedies import change, largest_over_training, milder, span
from made_up_runs import layers, runs

LARGE = {"initialization": "normal", "weight_std": 2.0}


def tables(*trained, start=()):
    empty = layers(1.0).iloc[:0]
    return {
        "start": pd.concat([layers(1.0, **one) for one in start]) if start else empty,
        "gradients": pd.concat([layers(1.0, **one) for one in trained]) if trained else empty,
        "metrics": pd.concat([runs(1.0, "ok", **one) for one in trained])
        if trained
        else runs(1.0, "ok").iloc[:0],
    }


def kinds_by_group(found):
    return {group.name: [member.kinds for member in group.members] for group in found}


def test_each_remedy_is_a_change_of_the_plain_network():
    found = groups(
        tables(
            LARGE,
            LARGE | {"clip_norm": 1.0},
            LARGE | {"learning_rate": 0.01},
            {},
            {"normalization": "batch_norm"},
        )
    )
    members = kinds_by_group(found)
    assert members["ReLU, $N(0, 2^2)$"] == [(), ("initialization",), ("clipping",), ("rate",)]
    assert members["ReLU, He"] == [(), ("normalization",)]
    assert [member.name for member in found[0].members] == [
        "",
        "He weights",
        "clipped at 1",
        r"$\eta = 0.01$",
    ]


def test_remedies_stand_together_where_the_plain_network_is_left_out():
    found = groups(tables(LARGE | {"clip_norm": 1.0}, LARGE | {"residual": True}))
    assert kinds_by_group(found) == {"ReLU, $N(0, 2^2)$": [("residual",), ("clipping",)]}
    assert found[0].plain is None


def test_a_network_measured_before_training_stands_with_the_same_weights():
    norm = {"normalization": "layer_norm"}
    found = groups(tables(LARGE, start=(LARGE, LARGE | norm, {"depth": 5})))
    assert len(found) == 2
    assert [member.kinds for member in found[0].members] == [(), ("normalization",)]
    assert len(found[0].members[0].start) == 5 * 12
    assert found[0].members[1].metrics.empty
    assert groups(tables()) == []


def test_each_kind_of_run_is_drawn_once_and_named_by_what_differs():
    shallow = {"depth": 5}
    found = groups(
        tables(
            LARGE,
            {"learning_rate": 1.0},
            {"learning_rate": 0.001},
            LARGE | shallow,
            LARGE | shallow | {"clip_norm": 1.0},
            shallow,
        )
    )
    names = {title: [name for name, _ in called(some)] for title, some in panels(found).items()}
    assert names == {
        r"12 layers, $N(0, 2^2)$, $\eta = 0.1$": ["nothing"],
        r"5 layers, $\eta = 0.1$": ["$N(0, 2^2)$", "$N(0, 2^2)$, clipped at 1", "He"],
        "12 layers, He": [r"$\eta = 1$", r"$\eta = 0.001$"],
    }


@pytest.mark.parametrize("factor", [0.25, 1.0, 3.0])
def test_a_span_leaves_out_the_first_and_the_last_layer(factor):
    rows = layers(factor, seeds=(0,))
    rows.loc[rows.layer == 1, "error_signal_norm"] = 1e50
    assert change(rows) == pytest.approx(9 * math.log10(factor))
    assert span(rows) == pytest.approx(9 * abs(math.log10(factor)))
    rows.loc[rows.layer == 2, "error_signal_norm"] = 0.0
    assert change(rows) == -math.inf
    assert span(rows) == math.inf


def test_the_span_over_training_is_that_of_the_worst_step():
    steps = ((0, 9.0), (1, 2.0), (2, 1.5))
    rows = pd.concat([layers(f, seeds=(0,), step=step) for step, f in steps])
    assert largest_over_training(span, rows) == pytest.approx(9 * math.log10(2.0))


def test_a_remedy_is_compared_with_the_plain_network_of_the_same_seed():
    with_, plain = LARGE | {"residual": True}, LARGE
    start = pd.concat([layers(2.0, **with_), layers(4.0, **plain)])
    found = groups({"start": start, "gradients": start.iloc[:0], "metrics": runs(1, "ok").iloc[:0]})
    assert milder(found[0].changed_by("residual")[0], found[0]) == pytest.approx([0.5] * 5)


def test_measures_of_large_gradients_and_updates():
    rows = layers(10.0, seeds=(0,))
    assert largest_gradients(rows) == pytest.approx([11.0])
    both = pd.concat([layers(1.0, step=0, update_ratio=0.1), layers(1.0, step=1)])
    assert largest_updates(both) == pytest.approx([-1.0] * 5)
    both.loc[(both.step == 0) & (both.layer == 3), "update_ratio"] = math.inf
    assert largest_updates(both) == [math.inf] * 5
    assert overshoots(runs(2.0, "ok", first=1.0)) == [1.0] * 5
    assert overshoots(runs(0.5, "ok", first=1.0)) == [0.0] * 5
    assert overshoots(runs(math.nan, "diverged", first=1.0)) == [1.0] * 5
