"""What the learning-rate scan counts as learning, on tables made by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from gradient_atlas.claims.layerwise_optimizers import claims
from gradient_atlas.measures import learning_rates
from tables_of_networks import scan_tables

GUESSING = math.log(7)


def metrics():
    rows = []
    for rate, losses, norms, status in (
        (0.1, [9.0, 1.0], [1.0, 3.0], "ok"),
        (1.0, [9.0, GUESSING], [1.0, 2.0], "ok"),  # ends with less than it began with, guessing
        (10.0, [2.0, 1.5], [1.0, 150.0], "ok"),  # its gradient grows beyond 100, and it learns
        (100.0, [2.0, np.nan], [1.0, np.nan], "diverged"),
    ):
        for step in range(2):
            rows.append(
                {
                    "optimizer": "sgd",
                    "learning_rate": rate,
                    "seed": 7,
                    "step": step,
                    "train_loss": losses[step],
                    "gradient_norm": norms[step],
                    "status": status if step else "ok",
                    "classes": 7,
                }
            )
    return pd.DataFrame(rows)


def test_a_run_learns_if_it_ends_below_guessing_whatever_it_began_with():
    ends = learning_rates.run_ends(metrics())
    assert list(ends.learnt) == [True, False, True, False]
    assert list(ends.growth) == [3.0, 2.0, 150.0, np.inf]
    assert ends.final_loss.iloc[-1] == np.inf
    assert learning_rates.largest_rates(ends, "sgd") == {7: 10.0}
    ends["learnt"] = False
    assert np.isnan(learning_rates.largest_rates(ends, "sgd")[7])
    assert learning_rates.largest_rates(ends, "lars") == {}


def test_the_shown_explosion_is_one_rate_for_all_seeds():
    ends = pd.DataFrame(
        {
            "optimizer": "lamb",
            "learning_rate": [1.0, 1.0, 2.0, 2.0],
            "seed": [0, 1, 0, 1],
            "growth": [1e9, 2.0, 300.0, 200.0],  # the second rate's worst seed is the better one
        }
    )
    assert list(learning_rates.most_exploding(ends, "lamb").growth) == [300.0, 200.0]


def test_trust_ratio_is_one_for_descent():
    gradients = pd.DataFrame(
        {
            "optimizer": "sgd",
            "learning_rate": [0.1, 0.5, 1.0],
            "seed": 0,
            "layer": 1,
            "step": 0,
            "weight_norm": 4.0,
            "weight_gradient_norm": 3.0,
            "update_ratio": np.array([0.1, 0.5, 1.0]) * 3.0 / 4.0,
        }
    )
    found = learning_rates.trust_ratios(gradients, "sgd")
    assert list(found.learning_rate) == [0.5]
    assert found.trust_ratio.iloc[0] == pytest.approx(1.0)
    assert learning_rates.trust_ratios(gradients, "lars").empty


def test_optimizers_are_compared_by_the_change_of_a_layer_and_not_by_their_rates():
    """LARS learns up to a rate ten times SGD's, whose step is a tenth of SGD's."""
    tables = scan_tables({"sgd": 0.2, "lars": 2.0, "lamb": 2.0}, dict.fromkeys(["sgd"], 1.0))
    lars = tables["gradients"].optimizer == "lars"
    smaller = tables["gradients"].update_ratio.mask(lars, tables["gradients"].update_ratio / 100)
    tables["gradients"] = tables["gradients"].assign(update_ratio=smaller)
    found = {claim.claim: claim for claim in claims(tables)}
    assert found["layerwise-rates/lars-larger"].values == pytest.approx([-1.0] * 5)
    assert found["layerwise-rates/lars-larger"].verdict == "refuted"
    assert found["layerwise-rates/lamb-larger"].values == pytest.approx([1.0] * 5)
