"""Depths, plateaus and alarms, on tables whose answer is known."""

import math

import numpy as np
import pandas as pd
import pytest

from gradient_atlas.measures.explosion import overshoots
from gradient_atlas.measures.layers import depth_to_fall, factors, forward_drift
from gradient_atlas.measures.plateaus import alarms, best_rate, drop, share_of_guessing
from made_up_runs import all_losses, falling, flat, network, tables_of_loss


def test_the_depth_at_which_a_norm_is_reached_is_interpolated():
    rows = pd.concat([network("sigmoid", "xavier", -0.5, depth=d, seeds=(0,)) for d in (11, 31)])
    # Layer 1 of depth L is at -0.5 (L - 1): -10 at 21.
    assert depth_to_fall(rows, "weight_gradient_norm", -10.0) == pytest.approx(21.0)
    assert depth_to_fall(rows, "weight_gradient_norm", -100.0) == math.inf
    assert depth_to_fall(rows, "weight_gradient_norm", -1.0) == 11.0


def test_a_network_with_a_vanished_norm_has_no_factor():
    rows = network("sigmoid", "xavier", -0.5)
    assert factors(rows) == pytest.approx([10**-0.5] * 5)
    rows.loc[rows.layer == 7, "error_signal_norm"] = 0.0
    assert np.isnan(factors(rows)).all()


def test_the_forward_drift_is_hanins_and_nicas():
    # -5/(4 n ln 10) decades of a norm, so -5/(2n) of the logarithm of its square.
    width = 64
    theory = pd.DataFrame(
        {"activation": ["relu"], "finite_width_drift": -5 / (4 * width * math.log(10))}
    )
    assert math.log(10) * forward_drift(theory) == pytest.approx(-5 / (2 * width))
    assert math.isnan(forward_drift(theory.assign(activation="gelu")))


def test_a_plateau_and_its_share_of_guessing():
    losses = all_losses(flat, rates=(0.1, 0.2))
    losses["relu", "standard", 0.2] = falling
    metrics = tables_of_loss(losses)["metrics"]
    relu = metrics[(metrics.activation == "relu") & (metrics.initialization == "standard")]
    assert best_rate(relu) == 0.2
    best = relu[relu.learning_rate == 0.2]
    # 2.3 · 0.7^epoch: the last three of eight epochs against the third.
    expected = 1 - np.mean([0.7**6, 0.7**7, 0.7**8]) / 0.7**3
    assert drop(best).tolist() == pytest.approx([expected] * 5)
    still = relu[relu.learning_rate == 0.1]
    assert share_of_guessing(still).tolist() == pytest.approx([2.3 / math.log(10)] * 5)


def test_a_loss_that_was_not_evaluated_is_unknown_and_not_one_that_diverged():
    metrics = tables_of_loss(all_losses(flat, rates=(0.1,)))["metrics"]
    best = metrics[(metrics.activation == "relu") & (metrics.initialization == "standard")]
    assert drop(best.assign(train_loss=math.nan)).isna().all()
    assert (drop(best.assign(train_loss=math.nan, status="diverged")) == -math.inf).all()
    assert np.isnan(overshoots(best.assign(train_loss=math.nan))).all()
    assert overshoots(best.assign(train_loss=math.nan, status="diverged")) == [1.0] * 5


def test_an_alarm_is_more_than_two_decades_or_no_norm_at_all():
    assert alarms(network("tanh", "xavier", -0.05)).tolist() == [True] * 5
    assert alarms(network("tanh", "xavier", -0.01)).tolist() == [False] * 5
    assert alarms(network("tanh", "xavier", 0.0).assign(error_signal_norm=0.0)).all()
