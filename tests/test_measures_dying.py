"""Deaths of units are counted though as many revive."""

import pandas as pd
import pytest

from gradient_atlas.measures.dying import deaths, examples_of, shares


def tables(shares_by_step, status="ok"):
    rows = pd.DataFrame(
        [
            (seed, step, layer, share if layer == 1 else 0.0)
            for seed in (0, 1)
            for step, share in enumerate(shares_by_step)
            for layer in (1, 2, 3)
        ],
        columns=["seed", "step", "layer", "dead_fraction"],
    ).assign(activation="relu", learning_rate=0.1, depth=3)
    metrics = pd.DataFrame(
        {"seed": [0, 1], "activation": "relu", "learning_rate": 0.1, "status": ["ok", status]}
    )
    return {"gradients": rows, "metrics": metrics}


def test_a_stock_that_ends_as_it_began_hides_deaths():
    made = tables([0.1, 0.3, 0.1, 0.2, 0.1])
    share = shares(made, "relu", 0.1, "dead_fraction")
    assert share.start.tolist() == pytest.approx(share.end.tolist())
    # One of two hidden layers: 0.2 of its units died, and those of later may be the same.
    assert deaths(made, "relu", 0.1).tolist() == pytest.approx([0.1, 0.1])
    sunk = tables([0.3, 0.0, 0.1, 0.0])
    assert deaths(sunk, "relu", 0.1).tolist() == pytest.approx([0.05, 0.05])


def test_a_diverged_seed_has_no_end():
    made = tables([0.1, 0.3], status="diverged")
    assert deaths(made, "relu", 0.1).isna().tolist() == [False, True]
    assert deaths(made, "leaky_relu", 0.1).empty


@pytest.mark.parametrize(
    ("asked", "used", "found"),
    [
        (None, None, (16, "probe examples")),
        (50, None, (50, "training examples")),
        (500, None, (100, "training examples")),
        (50, 20, (20, "training examples")),
    ],
)
def test_the_rows_that_count_are_named(asked, used, found):
    row = {"probe_examples": 16, "dead_examples": asked, "training_examples": used}
    assert examples_of(pd.DataFrame([row | {"training_rows": 100}])) == found
