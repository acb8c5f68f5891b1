"""Depths that learn, on tables whose answer can be read off."""

import math

import numpy as np
import pandas as pd
import pytest

from gradient_atlas.measures import trainable_depth as measures
from tables_of_networks import depth_sweep


def accuracies():
    """Two rates, of which the better one is another at each depth; seed 1 fails at depth 4."""
    rows = [
        (depth, rate, seed, step, accuracy * (0.5 if step == 4 else 1.0))
        for depth, rate, of_seeds in (
            (2, 0.1, (0.9, 0.8)),
            (2, 1.0, (0.3, 0.3)),
            (4, 0.1, (0.2, 0.2)),
            (4, 1.0, (0.9, 0.4)),
            (8, 0.1, (0.7, 0.7)),
            (8, 1.0, (0.1, 0.1)),
        )
        for seed, accuracy in enumerate(of_seeds)
        for step in (4, 9)
    ]
    columns = ["depth", "learning_rate", "seed", "step", "train_accuracy"]
    return pd.DataFrame(rows, columns=columns).assign(classes=5)


def test_each_depth_counts_at_its_best_rate():
    best = measures.at_best_rate(accuracies(), 9)
    assert list(best.learning_rate) == [0.1, 0.1, 1.0, 1.0, 0.1, 0.1]
    assert list(best.train_accuracy) == [0.9, 0.8, 0.9, 0.4, 0.7, 0.7]


@pytest.mark.parametrize(
    ("step", "asked", "depth"),
    [(9, 0.5, 2), (9, 0.3, 8), (9, 0.85, math.nan), (4, 0.3, 2), (4, 0.15, 8)],
)
def test_the_greatest_depth_is_the_last_before_a_seed_fails(step, asked, depth):
    best = measures.at_best_rate(accuracies(), step)
    assert measures.greatest_depth(best, asked) == pytest.approx(depth, nan_ok=True)


def test_one_run_has_two_budgets():
    steps = pd.DataFrame({"step": [0, 1, 2, 4, 8, 16, 31, 32, 62]})
    assert measures.budgets(steps) == (31, 62)
    assert measures.budgets(pd.DataFrame({"step": [0, 1, 2, 4, 9]})) == (4, 9)


def test_the_share_of_the_shallow_network_is_above_guessing():
    best = measures.at_best_rate(accuracies(), 9)
    # (0.7 - 1/5) / (0.9 - 1/5) and the same over 0.8
    expected = [0.5 / 0.7, 0.5 / 0.6]
    assert measures.share_of_shallow(best, "train_accuracy") == pytest.approx(expected)
    early = measures.at_best_rate(accuracies(), 4)  # the shallow network has not learnt yet
    assert measures.share_of_shallow(early, "train_accuracy") == []


def test_depth_amplifies_by_the_factor_of_a_layer():
    """A signal of s decades a layer falls by s (L - 2) from the last hidden layer to the first."""
    tables = depth_sweep(decay=-0.5, deep_accuracy=0.2)
    one = tables["gradients"].query("activation == 'sigmoid'")
    ratios = measures.signal_ratios(one)
    assert sorted(ratios.ratio.round(9).unique()) == [-2.0, -0.5]
    assert measures.decades_per_added_layer(ratios) == pytest.approx([-0.5] * 5)
    assert measures.predicted_ratios(tables["theory"], one) == pytest.approx({3: -0.5, 6: -2.0})


def test_the_depth_scale_is_that_of_an_e_fold_in_the_square():
    tables = depth_sweep(decay=-0.5, deep_accuracy=0.2)
    runs = tables["metrics"].query("activation == 'sigmoid'")
    chi = 0.6  # of ‖δ‖² a layer
    slope = 0.5 * np.log10(chi)
    theory = tables["theory"].assign(asymptotic_slope=slope)
    assert measures.depth_scale(theory, runs) == pytest.approx(-1 / np.log(chi))
    assert measures.depth_scale(tables["theory"], runs) == math.inf
