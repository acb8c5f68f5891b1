"""Figures and claims of training runs, on made-up tables whose verdicts are known beforehand."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gradient_atlas.drawing.style import Style
from made_up_runs import DEPTH, all_losses, falling, flat, gradients, metrics, tables_of_loss

sys.path.append(str(Path(__file__).parents[1] / "src"))


def verdicts(name, tables):
    module = importlib.import_module(f"figures.{name}")
    with Style().applied():
        module.draw(tables, Style())
    caption = module.caption(tables)
    assert caption.plain()
    claims = importlib.import_module(f"gradient_atlas.claims.{name}").claims(tables)
    return {claim.claim: claim.verdict for claim in claims}, caption.plain()


@pytest.mark.parametrize(
    ("loss", "plateau", "learning"),
    [(flat, "supported", "refuted"), (falling, "refuted", "supported")],
)
def test_plateau_and_decrease_are_told_apart(loss, plateau, learning):
    found, text = verdicts("training_loss", tables_of_loss(all_losses(loss)))
    assert len(found) == 8
    # Guessing costs ln 10 = 2.303: a loss that stays at 2.3 has learned nothing.
    for name in ("sigmoid", "tanh"):
        assert found.pop(f"vanishing-underfits/{name}") == plateau
    for claim, verdict in found.items():
        assert verdict == (learning if claim.startswith("relu") else plateau)
    assert ("Flat after" in text) == (loss is flat)


def test_each_network_counts_at_its_better_rate():
    losses = all_losses(flat, rates=(0.1, 0.2))
    losses["tanh", "standard", 0.2] = falling
    losses["relu", "standard", 0.2] = falling
    losses["relu", "standard", 0.1] = lambda epoch: 0.1 if epoch < 5 else np.inf
    found, text = verdicts("training_loss", tables_of_loss(losses))
    assert found["saturating-plateau/tanh_standard"] == "refuted"
    # The other rate is lower while it lasts; it diverges, and so is the worse of the two.
    assert found["relu-keeps-learning/relu_standard"] == "supported"
    assert text.endswith("$0$ of $30$ runs shown diverged.")


def test_a_diverged_network_is_counted_and_does_not_learn():
    losses = all_losses(falling)
    losses["relu", "recommended", 0.1] = lambda epoch: 2.0 if epoch < 5 else np.nan
    found, text = verdicts("training_loss", tables_of_loss(losses))
    assert found["relu-keeps-learning/relu_recommended"] == "refuted"
    assert text.endswith("$5$ of $30$ runs shown diverged.")


def test_early_layers():
    shared = {"initialization": "xavier"}
    sigmoid = {"variant": "sigmoid", "activation": "sigmoid"} | shared
    relu = {"variant": "relu", "activation": "relu"} | shared
    tables = {
        "gradients": pd.concat([gradients(**sigmoid), gradients(**relu)]),
        "metrics": pd.concat([metrics(flat, **sigmoid), metrics(falling, **relu)]),
    }
    found, text = verdicts("early_layer_learning", tables)
    assert set(found.values()) == {"supported"}
    assert r"$1\times 10^{-19}$ times as far" in text
    tables["gradients"] = tables["gradients"].assign(
        update_ratio=0.01, float32_changed_fraction=0.5
    )
    found, _ = verdicts("early_layer_learning", tables)
    assert set(found.values()) == {"refuted"}


def test_early_layers_of_a_shallow_network():
    rows = {"gradients": gradients, "metrics": lambda **parameters: metrics(flat, **parameters)}
    tables = {
        name: pd.concat(
            [
                make(variant=variant, activation=variant, initialization="he")
                for variant in ("sigmoid", "relu")
            ]
        )
        for name, make in rows.items()
    }
    tables["gradients"] = tables["gradients"].query("layer > @DEPTH - 3")
    tables["gradients"] = tables["gradients"].assign(layer=tables["gradients"].layer - DEPTH + 3)
    found, _ = verdicts("early_layer_learning", tables)
    assert len(found) == 3


def test_monitoring_tells_zero_from_small():
    kinds = ("xavier", "orthogonal", "he")
    named = {kind: {"activation": "tanh", "initialization": kind} for kind in kinds}
    others = tables_of_loss(all_losses(falling))
    tables = {
        "gradients": pd.concat([gradients(**parameters) for parameters in named.values()]),
        "metrics": pd.concat([metrics(flat, **parameters) for parameters in named.values()]),
        "other_gradients": others["gradients"],
        "other_metrics": others["metrics"],
    }
    rows = tables["gradients"]
    silent = (rows.initialization == "orthogonal") & (rows.step > 0) & (rows.layer <= 7)
    rows["weight_gradient_norm"] = rows["weight_gradient_norm"].mask(silent, 0.0)
    found, text = verdicts("gradient_norm_during_training", tables)
    assert "at least $7$ layers" in text
    # Norms fall by 19 decades in every network, and all of them learn: each alarm is wrong.
    assert set(found.values()) == {"refuted"}
    assert r"$0\,\%$ of $6$ other networks" in text


def test_deaths_are_counted():
    pairs = [(name, rate) for name in ("relu", "leaky_relu") for rate in (0.1, 0.5)]
    named = [
        {"activation": name, "learning_rate": rate, "initialization": "he"} for name, rate in pairs
    ]
    tables = {
        "gradients": pd.concat([gradients(**parameters) for parameters in named]),
        "metrics": pd.concat([metrics(flat, **parameters) for parameters in named]),
    }
    rows = tables["gradients"]
    leaky = rows.activation == "leaky_relu"
    rows.loc[leaky, "dead_fraction"] = rows.loc[leaky, "dead_fraction"] * 0
    found, text = verdicts("dying_relu", tables)
    assert found == {
        "leaky-prevents-dying/leaky": "identity",
        "leaky-prevents-dying/relu": "supported",
        "leaky-prevents-dying/active": "refuted",
    }
    assert r"$18 \pm" in text or r"$18\,\%$" in text
