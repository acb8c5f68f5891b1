"""How runs end, on tables small enough to read."""

import math

import pandas as pd

from gradient_atlas.measures.runs import (
    by_seed,
    diverged,
    divergence_steps,
    final_loss,
    last_rows,
    where,
)


def metrics():
    """Seed 0 is trained to the end; seed 1 stops at step 4, and its rows stand out of order."""
    return pd.DataFrame(
        {
            "variant": "a",
            "seed": [0, 0, 1, 1],
            "step": [0, 8, 4, 0],
            "train_loss": [2.3, 0.5, math.nan, 2.4],
            "status": ["ok", "ok", "diverged", "ok"],
            "first_nonfinite_step": [math.nan, math.nan, 4.0, math.nan],
        }
    )


def test_last_rows_are_the_latest_step_of_each_seed():
    assert last_rows(metrics())[["seed", "step"]].values.tolist() == [[0, 8], [1, 4]]


def test_a_diverged_seed_counts_and_its_loss_is_infinite():
    assert diverged(metrics()) == [0.0, 1.0]
    assert final_loss(metrics()) == [0.5, math.inf]
    assert divergence_steps(metrics()) == [4]


def test_an_absent_variant_has_no_seeds():
    nothing = where(metrics(), variant="b")
    assert diverged(nothing) == final_loss(nothing) == divergence_steps(nothing) == []
    assert by_seed(nothing, len) == []


def test_of_seeds_measures_each_seed():
    assert by_seed(metrics(), lambda rows: rows.step.max()) == [8.0, 4.0]
