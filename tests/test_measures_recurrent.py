"""Spikes, what is left of a signal, and who has learnt, on tables small enough to read."""

import math

import numpy as np
import pandas as pd
import pytest

from gradient_atlas.measures import recurrent as measures
from gradient_atlas.measures.runs import diverged
from tables_of_dynamics import recurrent_runs, recurrent_tables, spiking


def test_spikes_and_kept_decades_on_made_up_tables():
    loss = [1.0, 1.2, 30.0, 40.0, 1.0, 0.9, 12.0, 1.0, 1.0, 1.0, math.nan]
    frame = pd.DataFrame(
        {
            "seed": [0] * 8 + [1] * 3,
            "step": [*range(8), *range(3)],
            "train_loss": loss,
            "status": ["ok"] * 10 + ["diverged"],
        }
    )
    assert measures.spikes(frame) == [2.0, 1.0]
    assert sum(diverged(frame)) == 1
    signals = pd.DataFrame({"seed": 0, "lag": range(4), "error_signal_norm": [9, 1, 0.1, 1e-3]})
    assert measures.kept_decades(signals) == pytest.approx([-3])
    assert measures.factor_per_step([-3], signals) == pytest.approx(10**-1.5)
    assert measures.kept_decades(signals[:0]) == []


def test_a_seed_has_learnt_if_it_ends_below_half_of_what_is_left_without_memory():
    ends = {0: 0.0833, 1: 0.0834, 2: 0.01, 3: math.inf}
    steps = np.arange(30)
    losses = pd.concat(
        [
            pd.DataFrame({"step": steps, "train_loss": np.where(steps < 10, 0.5, end)}).assign(
                seed=seed, status="diverged" if math.isinf(end) else "ok"
            )
            for seed, end in ends.items()
        ]
    )
    theory = pd.DataFrame({"loss_without_memory": [1 / 6]})
    assert measures.learnt_seeds(losses, theory) == [0, 2]
    assert measures.learnt_seeds(losses[:0], theory) == []
    assert measures.learnt_seeds(losses, theory[:0]) == []


def test_runs_are_told_apart_by_parameters_and_never_by_name():
    tables = recurrent_tables(lambda run: 0.5, spiking)
    signals = measures.with_bias_text(tables["signals"])
    start = measures.kinds(measures.at_start(signals), measures.START)
    # Nine different networks: the clipped one starts like the other, and so does one that is
    # trained by another optimizer.
    assert len(start) == 9
    assert {len(rows) for rows in start} == {5 * 11}
    assert len(measures.kinds(measures.at_end(signals), measures.TRAINING)) == len(recurrent_runs())
    clipped = signals[signals.clip_norm == 4.0].iloc[0]
    assert set(measures.like(signals, clipped, measures.TRAINING).clip_norm) == {4.0}
    free = signals[(signals.recurrent_scale == 3.0) & signals.clip_norm.isna()].iloc[0]
    assert measures.like(signals, free, measures.TRAINING).clip_norm.isna().all()


def test_a_prediction_is_found_and_its_factor_read():
    tables = recurrent_tables(lambda run: 0.5, spiking)
    run = measures.with_bias_text(tables["signals"]).iloc[0]
    predicted = measures.like(tables["theory"], run, measures.START)
    assert len(predicted) == 11
    assert measures.predicted_factor(predicted) == pytest.approx(0.5)
    assert math.isnan(measures.predicted_factor(predicted[:0]))


def test_a_run_under_two_names_counts_once():
    rows = pd.DataFrame({"seed": [0, 1], "lag": [3, 3], "error_signal_norm": [0.5, 0.25]})
    twice = pd.concat(
        [rows.assign(variant=name, gate_bias=[None, 1.0]) for name in ("one", "other")],
        ignore_index=True,
    )
    once = measures.with_bias_text(twice)
    assert once.seed.tolist() == [0, 1] and set(once.variant) == {"one"}
    assert measures.seeds_as_columns(once, "lag", "error_signal_norm").shape == (1, 2)
