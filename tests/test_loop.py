import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from gradient_atlas.datasets.load import Data
from gradient_atlas.errors import InputError
from gradient_atlas.networks.feedforward import FeedForward
from gradient_atlas.runs.feedforward import Run
from gradient_atlas.training import loop, minibatches, norms
from gradient_atlas.training.optimizers import build_optimizer, clip_gradients


def make_data(examples=64, dtype=torch.float64):
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randn(examples + 20, 6, generator=generator, dtype=torch.float64)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    inputs = inputs.to(dtype)
    return Data(inputs[:-20], labels[:-20], inputs[-20:], labels[-20:], 3, "0" * 64)


def make_run(**parameters):
    defaults = {"dataset": "digits", "depth": 3, "width": 8, "batch_size": 16, "epochs": 2}
    return Run(**defaults | {"precision": "float64", "probe_examples": 32} | parameters)


def tables_of(run, data=None, seeds=(0,)):
    trained = loop.train(run, data or make_data(), seeds)
    return pd.DataFrame(trained.gradients), pd.DataFrame(trained.metrics)


def test_steps_that_are_logged():
    assert loop.log_steps(10, 4) == {0, 1, 2, 4, 8, 10}
    assert loop.log_steps(9, 3) == {0, 1, 2, 3, 4, 6, 8, 9}
    assert loop.log_steps(0, 4) == {0}


@pytest.mark.parametrize(
    ("examples", "options", "steps"),
    [
        (64, {}, 8),
        (70, {}, 8),  # what is left of an epoch after the last full minibatch is dropped
        (10, {}, 2),
        (64, {"epochs": 0}, 0),
        (64, {"max_steps": 3}, 3),
        (64, {"max_steps": 100}, 8),
    ],
)
def test_number_of_updates(examples, options, steps):
    assert loop.total_steps(make_run(**options), examples) == steps


def test_rows_of_a_run():
    gradients, metrics = tables_of(make_run(), seeds=(4, 9))
    assert list(metrics.groupby("seed").step.apply(list)) == [[0, 1, 2, 4, 8]] * 2
    assert list(metrics.epoch[:5]) == [0, 0.25, 0.5, 1, 2]
    assert set(metrics.status) == {"ok"}
    assert metrics.first_nonfinite_step.isna().all()
    assert len(gradients) == 2 * 5 * 3
    assert list(gradients.layer[:3]) == [1, 2, 3]
    last = gradients.step == 8
    assert gradients.update_ratio[last].isna().all()
    assert (gradients.update_ratio[~last] > 0).all()


def test_plain_sgd_by_hand():
    """Three updates written out: the loss, the gradient's norm and the update ratio follow."""
    run, data = make_run(max_steps=2, batch_size=64, learning_rate=0.3), make_data()
    gradients, metrics = tables_of(run, data)
    weight_generator, _ = minibatches.generators(0)
    network = FeedForward(run, 6, 3, weight_generator)
    for step in range(3):
        loss = functional.cross_entropy(network(data.train_inputs), data.train_labels)
        found = torch.autograd.grad(loss, network.trained_parameters)
        row = metrics[metrics.step == step].iloc[0]
        assert row.train_loss == pytest.approx(float(loss.detach()), rel=1e-12)
        assert row.gradient_norm == pytest.approx(norms.global_norm(found), rel=1e-12)
        for layer, gradient in enumerate(found[:3], start=1):
            ratio = gradients.query("step == @step and layer == @layer").update_ratio.iloc[0]
            weight = network.weights[layer - 1]
            expected = 0.3 * norms.norm(gradient) / norms.norm(weight) if step < 2 else math.nan
            assert ratio == pytest.approx(expected, rel=1e-9, nan_ok=True)
        with torch.no_grad():
            for parameter, gradient in zip(network.trained_parameters, found, strict=True):
                parameter -= 0.3 * gradient


def test_training_learns_and_repeats_itself():
    run = make_run(epochs=40, learning_rate=0.2)
    gradients, metrics = tables_of(run)
    again, metrics_again = tables_of(run)
    assert metrics.train_loss.iloc[-1] < 0.3 * metrics.train_loss.iloc[0]
    assert metrics.train_accuracy.iloc[-1] > 0.9
    pd.testing.assert_frame_equal(gradients, again)
    pd.testing.assert_frame_equal(metrics, metrics_again)


def test_a_seed_gives_the_same_rows_in_any_company():
    _, alone = tables_of(make_run(), seeds=(3,))
    _, together = tables_of(make_run(), seeds=(1, 3))
    pd.testing.assert_frame_equal(alone, together[together.seed == 3].reset_index(drop=True))
    assert together.train_loss.nunique() == len(together)


def test_batches_are_a_permutation_of_each_epoch():
    batches = minibatches.minibatches(20, 6, torch.Generator().manual_seed(0))
    epochs = [torch.cat([next(batches) for _ in range(3)]) for _ in range(2)]
    for epoch in epochs:
        assert len(epoch) == len(set(epoch.tolist())) == 18
    assert not torch.equal(*epochs)
    assert len(next(minibatches.minibatches(4, 6, torch.Generator()))) == 4


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_divergence_ends_the_run_and_keeps_its_rows(precision):
    weight_std = {"float32": 300.0, "float64": 1e20}[precision]
    run = make_run(depth=6, initialization="normal", weight_std=weight_std, precision=precision)
    gradients, metrics = tables_of(run, make_data(dtype=getattr(torch, precision)), seeds=(0, 1))
    for _, rows in metrics.groupby("seed"):
        last = rows.iloc[-1]
        assert list(rows.status[:-1]) == ["ok"] * (len(rows) - 1)
        assert last.status == "diverged"
        assert last.first_nonfinite_step == last.step < 8
        assert rows.step.iloc[0] == 0
    assert set(gradients.step) == set(metrics.step)


def test_divergence_at_initialisation_is_one_row():
    run = make_run(depth=60, initialization="normal", weight_std=10.0, precision="float32")
    gradients, metrics = tables_of(run, make_data(dtype=torch.float32))
    assert list(metrics.status) == ["diverged"]
    assert metrics.first_nonfinite_step[0] == 0
    assert len(gradients) == 60


def test_a_norm_that_overflows_float32_is_no_divergence():
    loss, large = torch.tensor(1.0), torch.full((10,), 1e25)
    assert not math.isfinite(float(torch.linalg.vector_norm(large)))
    assert minibatches.is_finite(loss, [large])
    assert not minibatches.is_finite(loss, [torch.tensor([1.0, math.inf])])
    assert not minibatches.is_finite(torch.tensor(math.nan), [torch.ones(2)])


def test_no_epochs_measures_the_initialisation():
    gradients, metrics = tables_of(make_run(epochs=0))
    assert list(metrics.step) == [0]
    assert np.isfinite(metrics.gradient_norm[0])
    assert gradients.update_ratio.isna().all()


def test_clipping_is_logged_before_and_after():
    _, free = tables_of(make_run())
    assert (free.gradient_norm == free.clipped_gradient_norm).all()
    threshold = 0.5 * free.gradient_norm.min()
    _, clipped = tables_of(make_run(clip_norm=threshold))
    assert clipped.gradient_norm[0] == pytest.approx(free.gradient_norm[0], rel=1e-12)
    assert (clipped.clipped_gradient_norm <= threshold).all()
    assert (clipped.clipped_gradient_norm > 0.999 * threshold).all()


@pytest.mark.parametrize("optimizer", ["lars", "lamb"])
def test_layerwise_optimizers_train(optimizer):
    rate = {"lars": 5.0, "lamb": 0.02}[optimizer]
    _, metrics = tables_of(make_run(optimizer=optimizer, learning_rate=rate, epochs=30))
    assert metrics.train_loss.iloc[-1] < 0.8 * metrics.train_loss.iloc[0]


@pytest.mark.parametrize("key", ["batch_size", "probe_examples"])
def test_batch_norm_of_one_example_is_the_users_error(key):
    with pytest.raises(InputError, match=key):
        tables_of(make_run(normalization="batch_norm", **{key: 1}))


def test_relu_activations_scale_with_the_inputs():
    plain, _ = tables_of(make_run(epochs=0, activation="relu", initialization="he"))
    larger, _ = tables_of(make_run(epochs=0, activation="relu", initialization="he", input_scale=4))
    # Biases start at 0 and 4 is a power of two: exactly four times the activation.
    assert (larger.activation_rms == 4 * plain.activation_rms).all()


def test_more_rows_leave_fewer_units_dead():
    run = {"activation": "relu", "initialization": "he", "epochs": 0, "width": 40}
    probe, _ = tables_of(make_run(**run, probe_examples=4))
    same, _ = tables_of(make_run(**run, probe_examples=4, dead_examples=4))
    pd.testing.assert_frame_equal(probe, same)
    more, _ = tables_of(make_run(**run, probe_examples=4, dead_examples=64))
    hidden = more.layer < 3
    assert (more.dead_fraction[hidden] < probe.dead_fraction[hidden]).all()
    assert more.dead_fraction[~hidden].isna().all()
    assert (more.error_signal_norm == probe.error_signal_norm).all()


def test_loss_is_that_of_the_first_rows_and_nan_of_none():
    data = make_data()
    gradients, all_rows = tables_of(make_run(evaluation_examples=len(data.train_inputs)), data)
    same, few = tables_of(make_run(evaluation_examples=5), data)
    again, none = tables_of(make_run(evaluation_examples=0), data)
    for found in (same, again):
        pd.testing.assert_frame_equal(found, gradients)
    measured = ["train_loss", "test_loss", "train_accuracy", "test_accuracy"]
    assert none[measured].isna().all(axis=None)
    network = FeedForward(make_run(), 6, 3, minibatches.generators(0)[0])
    for name in ("train", "test"):
        inputs, labels = getattr(data, f"{name}_inputs"), getattr(data, f"{name}_labels")
        expected = functional.cross_entropy(network(inputs[:5]), labels[:5]).item()
        assert few[f"{name}_loss"][0] == pytest.approx(expected, rel=1e-12)
        assert few[f"{name}_loss"][0] != all_rows[f"{name}_loss"][0]


def test_a_weight_changes_in_float32_by_half_the_spacing_of_its_numbers():
    old = torch.ones(4, dtype=torch.float64)
    update = torch.tensor([2.0**-25, 2.0**-23, -(2.0**-26), -(2.0**-24)], dtype=torch.float64)
    assert loop._change(old, old + update)[1] == 0.5
    gradients, _ = tables_of(make_run(learning_rate=0.0))
    assert set(gradients.float32_changed_fraction.dropna()) == {0.0}


@pytest.mark.parametrize(
    "parameters",
    [
        {"activation": "relu", "momentum": 0.9, "clip_norm": 0.5},
        {"optimizer": "nesterov", "momentum": 0.5, "weight_decay": 0.01, "activation": "gelu"},
        {"optimizer": "adam", "normalization": "batch_norm", "learning_rate": 0.01},
        {"optimizer": "lars", "learning_rate": 10.0, "clip_norm": 0.5, "residual": True},
        {"optimizer": "lamb", "normalization": "layer_norm", "train_biases": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_run_is_that_of_a_plain_loop_with_autograd_bit_for_bit(parameters, precision):
    """The module, ``torch.autograd.grad``, and an optimizer that is given each tensor by itself."""
    run = make_run(**parameters, precision=precision, depth=4, width=11)
    data = make_data(dtype=getattr(torch, precision))
    _, metrics = tables_of(run, data, seeds=(7,))
    weight_generator, order_generator = minibatches.generators(7)
    network = FeedForward(run, 6, 3, weight_generator)
    optimizer = build_optimizer(run, network.trained_parameters)
    batches = minibatches.minibatches(64, 16, order_generator)
    for step in range(metrics.step.max() + 1):
        rows = next(batches)
        loss = functional.cross_entropy(
            network(data.train_inputs[rows], mode="train"), data.train_labels[rows]
        )
        gradients = torch.autograd.grad(loss, network.trained_parameters)
        norm = norms.global_norm(gradients)
        if run.clip_norm:
            gradients, norm, _ = clip_gradients(gradients, run.clip_norm)
        for row in metrics[metrics.step == step].itertuples():
            with torch.no_grad():
                logits = network(data.test_inputs, mode="evaluate")
            assert row.gradient_norm == norm
            assert row.test_loss == float(functional.cross_entropy(logits, data.test_labels))
        optimizer.step(gradients)
