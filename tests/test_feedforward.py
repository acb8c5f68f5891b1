import numpy as np
import pytest
import torch

import networks_by_hand
from gradient_atlas.errors import InputError
from gradient_atlas.networks.feedforward import FeedForward, Trace
from gradient_atlas.runs.feedforward import Run

INPUTS = torch.randn(40, 6, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def make(seed=0, n_inputs=6, **parameters):
    run = Run(**{"dataset": "digits", "depth": 4, "width": 5, "precision": "float64"} | parameters)
    return FeedForward(run, n_inputs, 3, torch.Generator().manual_seed(seed))


def test_shapes_and_starting_values():
    network = make(normalization="layer_norm")
    assert [tuple(w.shape) for w in network.weights] == [(5, 6), (5, 5), (5, 5), (3, 5)]
    assert [len(b) for b in network.biases] == [5, 5, 5, 3]
    assert [len(g) for g in network.gains] == [len(s) for s in network.shifts] == [5, 5, 5]
    assert all(not b.any() for b in [*network.biases, *network.shifts])
    assert all((g == 1).all() for g in network.gains)
    assert len(network.trained_parameters) == 4 + 4 + 3 + 3


def test_biases_are_drawn_after_the_weights_and_only_when_asked_for():
    without, with_biases = make(width=400), make(width=400, bias_std=0.3)
    for plain, other in zip(without.weights, with_biases.weights, strict=True):
        assert torch.equal(plain, other)
    drawn = torch.cat(with_biases.biases).detach()
    assert all(bias.requires_grad for bias in with_biases.biases)
    assert abs(float(drawn.std()) - 0.3) < 0.02
    assert abs(float(drawn.mean())) < 0.03


def test_both_precisions_start_at_the_same_network():
    for single, double in zip(
        make(precision="float32").weights, make(precision="float64").weights, strict=True
    ):
        assert single.dtype == torch.float32
        assert torch.equal(single, double.to(torch.float32))


@pytest.mark.parametrize("depth", [1, 2])
def test_shallow_networks(depth):
    network = make(depth=depth)
    assert network(INPUTS).shape == (40, 3)


def test_trace_holds_every_layer():
    network, trace = make(), Trace()
    logits = network(INPUTS, trace=trace)
    assert [z.shape[1] for z in trace.pre_activations] == [5, 5, 5, 3]
    assert len(trace.activation_inputs) == 3
    assert torch.equal(trace.activations[-1], logits)
    assert torch.equal(trace.activations[1], torch.relu(trace.pre_activations[1]))


def test_layer_norm_gives_each_example_mean_0_and_variance_1():
    network, trace = make(normalization="layer_norm", width=50), Trace()
    network(INPUTS, trace=trace)
    for u in trace.activation_inputs:
        assert u.shape == (40, 50)
        np.testing.assert_allclose(u.mean(dim=1).detach(), 0, atol=1e-12)
        np.testing.assert_allclose(u.var(dim=1, correction=0).detach(), 1, atol=1e-3)


def test_batch_norm_gives_each_unit_mean_0_and_variance_1():
    network, trace = make(normalization="batch_norm", activation="tanh"), Trace()
    network(INPUTS, trace=trace)
    for u in trace.activation_inputs:
        np.testing.assert_allclose(u.mean(dim=0).detach(), 0, atol=1e-12)
        np.testing.assert_allclose(u.var(dim=0, correction=0).detach(), 1, atol=1e-3)


def test_after_the_activation_the_layers_output_is_normalised():
    network, trace = (
        make(
            normalization="batch_norm",
            normalization_position="after_activation",
            activation="sigmoid",
        ),
        Trace(),
    )
    network(INPUTS, trace=trace)
    for u, z, a in zip(
        trace.activation_inputs, trace.pre_activations[:-1], trace.activations[:-1], strict=True
    ):
        assert torch.equal(u, z)
        np.testing.assert_allclose(a.mean(dim=0).detach(), 0, atol=1e-12)


def test_running_statistics_come_from_training_alone():
    network = make(normalization="batch_norm", activation="tanh")
    (first, *_) = network.normalizations
    probe = network(INPUTS, mode="probe")
    # Before any training step there are no running statistics: those of the batch stand in.
    assert torch.equal(network(INPUTS, mode="evaluate"), probe)
    assert not first.running_mean.any()
    network(INPUTS[:20])
    z = INPUTS[:20] @ network.weights[0].T
    torch.testing.assert_close(first.running_mean, z.mean(dim=0).detach())
    network(INPUTS[20:])
    newer = INPUTS[20:] @ network.weights[0].T
    torch.testing.assert_close(
        first.running_mean, (0.9 * z.mean(dim=0) + 0.1 * newer.mean(dim=0)).detach()
    )
    before = [b.clone() for b in network.buffers()]
    one = network(INPUTS[:1], mode="evaluate")
    together = network(INPUTS, mode="evaluate")
    torch.testing.assert_close(one[0], together[0])
    network(INPUTS, mode="probe")
    assert all(torch.equal(b, m) for b, m in zip(before, network.buffers(), strict=True))


def test_a_residual_branch_of_scale_0_leaves_the_first_layer():
    network, trace = make(residual=True, residual_scale=0.0), Trace()
    network(INPUTS, trace=trace)
    assert torch.equal(trace.activations[2], trace.activations[0])


@pytest.mark.parametrize("mode", ["train", "probe", "evaluate"])
def test_logits_against_numpy(mode):
    network = make(activation="gelu", residual=True, residual_scale=0.5, normalization="layer_norm")
    *_, activations, _ = networks_by_hand.gradients(
        network.run,
        *[[t.detach().numpy() for t in part] for part in (network.weights, network.biases)],
        *[[t.detach().numpy() for t in part] for part in (network.gains, network.shifts)],
        INPUTS.numpy(),
        np.zeros(40, dtype=int),
    )
    logits = network(INPUTS, mode=mode).detach().numpy()
    np.testing.assert_allclose(logits, activations[-1], rtol=1e-10, atol=1e-12)


def test_an_unknown_extension_is_the_users_error():
    with pytest.raises(InputError, match="activation"):
        make(activation="absent_package:phi")


def test_frozen_biases_are_no_parameters_and_stay_at_0():
    network = make(train_biases=False, normalization="layer_norm")
    assert len(network.trained_parameters) == 4 + 3 + 3
    assert not any(
        bias is parameter for bias in network.biases for parameter in network.trained_parameters
    )
    assert all((bias == 0).all() for bias in network.biases)
