"""Passes without a graph against the module and autograd: the same bits, whatever the network."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from gradient_atlas.networks.backpropagation import Passes, flatten
from gradient_atlas.networks.feedforward import FeedForward, Trace
from gradient_atlas.runs.feedforward import ACTIVATIONS, Perceptron

INPUTS, CLASSES = 9, 4


def softsign(u):
    """An activation of a user's own."""
    return u / (1 + u.abs())


def make(**parameters):
    perceptron = Perceptron(**{"depth": 4, "width": 10, "bias_std": 0.1} | parameters)
    return FeedForward(perceptron, INPUTS, CLASSES, torch.Generator().manual_seed(3))


def batch(rows, seed, precision):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(rows, INPUTS, generator=generator, dtype=torch.float64)
    return inputs.to(getattr(torch, precision)), torch.randint(
        CLASSES, (rows,), generator=generator
    )


def same(ours, theirs):
    """Equal entry by entry; a NaN is equal to a NaN."""
    pairs = zip(ours, theirs, strict=True)
    return all(np.array_equal(a.detach(), b.detach(), equal_nan=True) for a, b in pairs)


networks = st.fixed_dictionaries(
    {
        "activation": st.sampled_from([*ACTIVATIONS, "test_backpropagation:softsign"]),
        "normalization": st.sampled_from(["none", "batch_norm", "layer_norm"]),
        "normalization_position": st.sampled_from(["before_activation", "after_activation"]),
        "residual": st.booleans(),
        "residual_scale": st.sampled_from([0.7, 1.0]),
        "depth": st.integers(1, 5),
        "width": st.sampled_from([1, 4, 10, 33]),
        "train_biases": st.booleans(),
        "precision": st.sampled_from(["float32", "float64"]),
    }
)


@settings(max_examples=60, deadline=None)
@given(parameters=networks, rows=st.sampled_from([2, 7, 32]))
def test_training_is_autograds_bit_for_bit(parameters, rows):
    """Three steps of descent, so that running statistics and moved parameters are seen too."""
    module, network = make(**parameters), make(**parameters)
    precision = parameters["precision"]
    whole = flatten(network.trained_parameters)
    inputs, _ = batch(rows, 0, precision)
    training = Passes(network, inputs, "train", network.trained_parameters)
    evaluation = Passes(network, inputs, "evaluate")
    for step in range(3):
        drawn, labels = batch(rows, step, precision)
        inputs.copy_(drawn)
        logits = module(inputs, mode="train")
        loss = functional.cross_entropy(logits, labels)
        gradients = torch.autograd.grad(loss, module.trained_parameters)
        assert same([training.forward(), training.backward(labels)], [logits, loss])
        assert same(training.gradients, gradients)
        with torch.no_grad():
            torch._foreach_add_(module.trained_parameters, gradients, alpha=-0.1)
            whole.add_(training.gradient, alpha=-0.1)
            assert same(network.trained_parameters, module.trained_parameters)
            assert same([evaluation.forward()], [module(inputs, mode="evaluate")])


@settings(max_examples=40, deadline=None)
@given(parameters=networks)
def test_all_that_is_kept_is_autograds_bit_for_bit(parameters):
    network = make(**parameters)
    inputs, labels = batch(16, 1, parameters["precision"])
    trace = Trace()
    loss = functional.cross_entropy(network(inputs, mode="probe", trace=trace), labels)
    theirs = torch.autograd.grad(loss, [*network.weights, *trace.pre_activations])
    passes = Passes(network, inputs, "probe", network.weights, keep=True)
    for _ in range(2):  # the second time into the same tensors
        passes.forward()
        assert same([passes.backward(labels)], [loss])
        assert same([*passes.gradients, *passes.error_signals], theirs)
        assert same(passes.activation_inputs, trace.activation_inputs)
        assert same(passes.activations, trace.activations)
    forward = Passes(network, inputs, "probe", keep=True)
    forward.forward()
    assert same(forward.activation_inputs, trace.activation_inputs)


@pytest.mark.parametrize("normalization", ["none", "batch_norm"])
def test_what_is_not_finite_comes_through(normalization):
    parameters = {"normalization": normalization, "initialization": "normal", "weight_std": 1e15}
    module, network = make(**parameters), make(**parameters)
    inputs, labels = batch(8, 0, "float32")
    passes = Passes(network, inputs, "train", network.trained_parameters)
    with np.errstate(all="ignore"):
        loss = functional.cross_entropy(module(inputs), labels)
        gradients = torch.autograd.grad(loss, module.trained_parameters)
        passes.forward()
        assert same([passes.backward(labels), *passes.gradients], [loss, *gradients])


def test_flattened_tensors_keep_their_values_and_share_the_whole():
    tensors = [torch.arange(6.0).reshape(2, 3), torch.tensor([7.0])]
    whole = flatten(tensors)
    whole += 1
    assert tensors[0].tolist() == [[1, 2, 3], [4, 5, 6]] and tensors[1].tolist() == [8]
