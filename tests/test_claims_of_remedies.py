"""Claims about large weights and remedies, on tables whose answer is known."""

import math

import pandas as pd
import pytest

from gradient_atlas.claims import exploding_gradients as large_weights
from gradient_atlas.claims.batch_norm import batch_norm
from gradient_atlas.claims.large_weights_remedies import remedies
from gradient_atlas.claims.rates import high_rates, smaller_rates
from gradient_atlas.claims.remedies import answers_of_ten_layers
from gradient_atlas.claims.shortcuts import residual_layers
from gradient_atlas.measures.changes import groups
from made_up_runs import layers, runs
from tables_of_networks import LARGE, LARGER

NO_THEORY = pd.DataFrame(columns=["layer"])
SIGMOID = {"activation": "sigmoid", "initialization": "standard"}
BATCH = {"normalization": "batch_norm"}


def verdicts(claims):
    return {claim.claim: claim.verdict for claim in claims}


def found(start=(), gradients=(), metrics=()):
    nothing = layers(1.0).iloc[:0], layers(1.0).iloc[:0], runs(1.0, "ok").iloc[:0]
    given = {"start": start, "gradients": gradients, "metrics": metrics}
    tables = {
        name: pd.concat(list(rows), ignore_index=True) if len(rows) else empty
        for (name, rows), empty in zip(given.items(), nothing, strict=True)
    }
    return groups(tables)


def test_saturation_compares_the_derivative_with_the_activations_largest():
    """0.02 is less than a tenth of 1 and of 0.25 alike: 0.02/0.25 = 0.08."""
    start = pd.concat(
        [layers(2.0, activation=name, **LARGE) for name in ("tanh", "sigmoid")], ignore_index=True
    )
    claims = {claim.claim: claim for claim in large_weights.saturation(start)}
    assert claims["large-init-saturates/sigmoid-derivative"].values == pytest.approx([0.08] * 5)
    assert claims["large-init-saturates/tanh-derivative"].values == pytest.approx([0.02] * 5)
    assert claims["large-init-saturates/tanh-units"].verdict == "supported"


def test_what_the_config_leaves_out_is_not_measured():
    nothing = found()
    for claims in (
        large_weights.saturation(layers(1.0).iloc[:0]),
        large_weights.overflow(nothing),
        large_weights.spike(nothing),
        remedies(nothing),
        smaller_rates(nothing),
        high_rates(nothing),
        batch_norm(nothing, NO_THEORY),
        residual_layers(nothing, NO_THEORY),
        answers_of_ten_layers(nothing),
    ):
        assert set(verdicts(claims).values()) <= {"not measured"}


def test_batch_norm_is_stable_within_two_decades_at_the_start_and_at_every_step():
    gradients = [
        layers(1.02, step=4, **SIGMOID | BATCH),
        layers(1.9, step=2, **LARGE | BATCH),
        layers(1.02, step=4, **LARGE | BATCH),
    ]
    start = [layers(1.02, **SIGMOID | BATCH), layers(1.9, **LARGE | BATCH)]
    metrics = [runs(1.0, "ok", **one | BATCH) for one in (SIGMOID, LARGE)]
    claims = verdicts(batch_norm(found(start, gradients, metrics), NO_THEORY))
    assert claims["batch-norm-stabilises/sigmoid-standard-12-initialization"] == "supported"
    assert claims["batch-norm-stabilises/relu-normal-1-12-initialization"] == "refuted"
    assert claims["batch-norm-stabilises/sigmoid-standard-12-training"] == "supported"
    # The worst step counts, not the last.
    assert claims["batch-norm-stabilises/relu-normal-1-12-training"] == "refuted"
    assert claims["batch-norm-stabilises/relu-normal-1-12-activations"] == "identity"


@pytest.mark.parametrize(
    ("factor", "propagates", "mitigates"),
    [
        (1.1, "supported", "supported"),
        (3.0, "refuted", "refuted"),  # an explosion is no propagation
        (1.9, "refuted", "supported"),  # milder than the plain network's 2, and still exploding
        (0.3, "refuted", "refuted"),
    ],
)
def test_residual_layers_are_judged_by_themselves_and_beside_the_plain_network(
    factor, propagates, mitigates
):
    start = [layers(2.0, **LARGE), layers(factor, residual=True, **LARGE)]
    claims = verdicts(residual_layers(found(start), NO_THEORY))
    assert claims == {
        "residual-identity-path/relu-normal-1-12-propagates": propagates,
        "residual-identity-path/relu-normal-1-12-mitigates": mitigates,
    }


def test_the_first_layer_has_no_identity_and_does_not_count():
    rows = layers(1.0, residual=True, **LARGE)
    rows.loc[rows.layer == 1, "error_signal_norm"] = 1e6
    claims = verdicts(residual_layers(found([rows, layers(2.0, **LARGE)]), NO_THEORY))
    assert set(claims.values()) == {"supported"}


def test_a_signal_lost_to_float32_is_out_of_every_range():
    rows = layers(1.0, **SIGMOID | BATCH)
    rows.loc[rows.layer == 3, "error_signal_norm"] = 0.0
    claims = verdicts(batch_norm(found([rows]), NO_THEORY))
    assert claims["batch-norm-stabilises/sigmoid-standard-12-initialization"] == "refuted"


def test_clipping_can_keep_a_run_alive_without_making_it_learn():
    metrics = [
        runs(math.nan, "diverged", **LARGER),
        runs(1e18, "ok", clip_norm=1.0, **LARGER),
        runs(0.1, "ok"),
    ]
    claims = verdicts(remedies(found(metrics=metrics)))
    assert claims["clipping-or-he-mitigates/clipping-alive"] == "supported"
    assert claims["clipping-or-he-mitigates/clipping-learns"] == "refuted"
    assert claims["clipping-or-he-mitigates/he-learns"] == "supported"
    assert claims["clipping-caps/norm-1"] == "identity"


def test_a_small_rate_is_judged_by_its_updates_and_not_by_its_loss():
    """A rate whose loss is better because the other's is infinite was once supported by -inf."""
    rates = {"fast": {"learning_rate": 0.3}, "slow": {"learning_rate": 0.001}}
    metrics = [runs(math.nan, "diverged", **rates["fast"]), runs(2.0, "ok", **rates["slow"])]
    for fast, slow, verdict in (
        (5.0, 0.01, "supported"),
        (5.0, 2.0, "refuted"),
        (0.1, 0.01, "not measured"),  # there is no large update that the small rate prevents
    ):
        gradients = [
            layers(1.0, step=step, update_ratio=ratio, **rates[name])
            for name, ratio in (("fast", fast), ("slow", slow))
            for step in (0, 1)
        ]
        claims = verdicts(smaller_rates(found(gradients=gradients, metrics=metrics)))
        assert claims == {"small-rate-is-stable/relu-he-12": verdict}


def test_a_high_rate_that_only_some_seeds_show_is_left_open():
    slow = runs(2.0, "ok", first=2.4, learning_rate=0.001)
    fast = runs(3.0, "ok", first=2.4, learning_rate=0.3)
    assert set(verdicts(high_rates(found(metrics=[fast, slow]))).values()) == {"supported"}
    fast.loc[(fast.seed == 0) & (fast.step == 1), "train_loss"] = 2.0
    assert set(verdicts(high_rates(found(metrics=[fast, slow]))).values()) == {"undecided"}


def test_a_spike_is_the_largest_finite_loss_of_a_run_that_diverges():
    claims = large_weights.spike(found(metrics=[runs(math.nan, "diverged", **LARGER)]))
    assert [list(claim.values) for claim in claims] == [[1e19] * 5]
    assert claims[0].lower == pytest.approx(10 * math.log(10))
    growth = large_weights.growth(layers(80.0, **LARGER))
    assert growth[0].values == pytest.approx([80.0] * 5)
