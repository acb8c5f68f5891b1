"""Claims about large weights and remedies, on tables whose answer is known."""

import math

import pandas as pd
import pytest

from gradient_atlas.claims import exploding_gradients as large_weights
from gradient_atlas.claims import large_weights_remedies, remedies
from gradient_atlas.measures.layers import factors
from made_up_runs import layers, runs


def verdicts(claims):
    return {claim.claim: claim.verdict for claim in claims}


@pytest.mark.parametrize("factor", [0.25, 1.0, 3.0])
def test_factor_is_that_of_each_layer(factor):
    rows = layers("relu_1", factor)
    assert factors(rows) == pytest.approx([factor, factor])
    largest = max(11 * math.log10(factor), 0.0)
    assert large_weights.largest_gradients(rows) == pytest.approx([largest, largest])


def test_saturation_compares_the_derivative_with_the_activations_largest():
    """0.02 is less than a tenth of 1 and of 0.25 alike: 0.02/0.25 = 0.08."""
    start = pd.concat([layers("tanh_1", 2.0), layers("sigmoid_1", 1.1)])
    found = {claim.claim: claim for claim in large_weights.saturation(start)}
    assert found["large-init-saturates/sigmoid-derivative"].values == pytest.approx([0.08, 0.08])
    assert found["large-init-saturates/tanh-derivative"].values == pytest.approx([0.02, 0.02])
    assert found["large-init-saturates/tanh-units"].verdict == "supported"


def test_a_variant_that_the_config_leaves_out_is_not_measured():
    empty = layers("relu_1", 2.0).iloc[:0]
    assert set(verdicts(large_weights.saturation(empty)).values()) == {"not measured"}
    assert set(verdicts(remedies.residual_layers(empty)).values()) == {"not measured"}
    assert set(verdicts(remedies.batch_norm(empty, empty)).values()) == {"not measured"}


def test_batch_norm_is_stable_within_two_decades_at_the_start_and_at_every_step():
    start = pd.concat([layers("sigmoid_batch_norm", 1.02), layers("relu_batch_norm", 1.9)])
    trained = pd.concat(
        [
            layers("sigmoid_batch_norm", 1.02, step=4),
            layers("relu_batch_norm", 1.02, step=4),
            layers("relu_batch_norm", 1.9, step=2),
        ]
    )
    found = verdicts(remedies.batch_norm(start, trained))
    assert found["batch-norm-stabilises/sigmoid-initialization"] == "supported"
    assert found["batch-norm-stabilises/relu-initialization"] == "refuted"
    assert found["batch-norm-stabilises/sigmoid-training"] == "supported"
    assert found["batch-norm-stabilises/relu-training"] == "refuted"  # the worst step counts
    assert found["batch-norm-stabilises/relu-activations"] == "supported"
    assert found["batch-norm-stabilises/relu-after-activation-initialization"] == "not measured"


def test_residual_layers_that_explode_propagate_but_are_not_stable():
    found = verdicts(remedies.residual_layers(layers("relu_residual", 3.0)))
    assert found["residual-identity-path/relu-propagates"] == "supported"
    assert found["residual-identity-path/relu-stable"] == "refuted"
    vanishing = verdicts(remedies.residual_layers(layers("sigmoid_residual", 0.3)))
    assert vanishing["residual-identity-path/sigmoid-propagates"] == "refuted"


def test_the_layer_below_the_residual_ones_does_not_count():
    rows = layers("relu_residual", 1.0)
    rows.loc[rows.layer == 1, "error_signal_norm"] = 1e6
    found = verdicts(remedies.residual_layers(rows))
    assert found["residual-identity-path/relu-stable"] == "supported"


def test_a_signal_lost_to_float32_is_out_of_every_range():
    rows = layers("sigmoid_batch_norm", 1.0)
    rows.loc[rows.layer == 3, "error_signal_norm"] = 0.0
    found = verdicts(remedies.batch_norm(rows, rows.iloc[:0]))
    assert found["batch-norm-stabilises/sigmoid-initialization"] == "refuted"


def test_clipping_can_keep_a_run_alive_without_making_it_learn():
    metrics = pd.concat(
        [
            runs("shallow", math.nan, "diverged"),
            runs("shallow_clipped_1", 1e18, "ok", clip_norm=1.0),
            runs("shallow_he", 0.1, "ok"),
            runs("relu_1_clipped", math.nan, "diverged", clip_norm=1.0),
        ]
    )
    found = verdicts(large_weights_remedies.remedies(layers("shallow_he", 1.0), metrics))
    assert found["clipping-or-he-mitigates/clipping-alive"] == "supported"
    assert found["clipping-or-he-mitigates/clipping-learns"] == "refuted"
    assert found["clipping-or-he-mitigates/he-learns"] == "supported"
    assert found["clipping-caps/norm-1"] == "supported"
    assert found["clipping-caps/large-weights-deep-alive"] == "refuted"
    assert found["weight-decay-keeps-small/weights"] == "not measured"


def test_a_spike_is_the_largest_finite_loss_of_a_run_that_diverges():
    start = layers("relu_10_shallow", 80.0)
    claims = large_weights.bad_initialization(start, runs("shallow", math.nan, "diverged"))
    found = {claim.claim: claim for claim in claims}
    assert found["bad-init-explodes-relu/loss"].values == [1e19, 1e19]
    assert found["bad-init-explodes-relu/relu-growth"].values == pytest.approx([80.0, 80.0])
