"""The built-in networks: shapes, options, and what their cited sources say of them at the start."""

import dataclasses
import inspect
import math

import numpy as np
import pytest
import torch
from torch import nn

from gradient_atlas.errors import InputError
from gradient_atlas.networks.architectures import ARCHITECTURES, build, mlp
from gradient_atlas.networks.feedforward import FeedForward
from gradient_atlas.runs.feedforward import Perceptron
from gradient_atlas.watching.probe import ModuleProbe

SMALL = {
    "mlp": {"depth": 3, "width": 8},
    "conv": {"depth": 3, "channels": 4},
    "resnet": {"blocks": 2, "channels": 4},
    "transformer": {"layers": 2, "width": 8, "heads": 2},
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_network_names_classes_and_is_made_again_by_its_seed(name):
    images = torch.randn(5, 3, 8, 8)
    outputs = []
    for _ in range(2):
        torch.manual_seed(3)
        outputs.append(build(name, (3, 8, 8), 4, SMALL[name])(images))
    assert outputs[0].shape == (5, 4)
    assert torch.equal(*outputs)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("mlpp", {}, "architecture: 'mlpp' is unknown; use mlp, conv"),
        ("mlp", {"widht": 3}, "widht: 'mlp' has no such option; did you mean width"),
        ("mlp", {"depth": 0}, "depth: 0 is wrong; it must be a number of at least 1"),
        ("mlp", {"normalization": "group_norm"}, "normalization: 'group_norm' is wrong"),
        ("resnet", {"activation": "rleu"}, "activation: 'rleu' is unknown"),
        ("resnet", {"branch": "long"}, "branch: 'long' is wrong"),
        ("transformer", {"width": 10, "heads": 4}, "multiple of heads"),
        ("transformer", {"queries": "one"}, "queries: 'one' is wrong"),
        ("conv", {"kernel": 2}, "it must be odd"),
        ("operator:contains", {}, "returned a bool"),
    ],
)
def test_what_cannot_be_built_is_refused_in_words(name, options, message):
    with pytest.raises(InputError, match=message):
        build(name, (1, 8, 8), 4, options)


def test_the_perceptron_s_options_and_their_defaults_are_those_of_a_run():
    taken = list(inspect.signature(mlp).parameters.values())[2:]
    known = {field.name: field.default for field in dataclasses.fields(Perceptron)}
    assert {one.name: one.default for one in taken} == {
        name: known[name] for name in known if name not in ("train_biases", "precision")
    }
    torch.manual_seed(3)
    one = build("mlp", (1, 2, 3), 4, {"depth": 3, "width": 5, "bias_std": 0.2})
    run = Perceptron(depth=3, width=5, bias_std=0.2)
    other = FeedForward(run, 6, 4, torch.Generator().manual_seed(3))
    assert all(map(torch.equal, one.parameters(), other.parameters()))


def test_a_flat_input_is_no_image():
    with pytest.raises(InputError, match="needs images"):
        build("conv", (8,), 4, {})


def signals(name, options, seeds=4, shape=(1, 8, 8)):
    """log10 of the error signal by module (mean over seeds), in forward order, with kinds."""
    found = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        model = build(name, shape, 10, options)
        inputs, labels = torch.randn(32, *shape), torch.arange(32) % 10
        rows = ModuleProbe(model, inputs, labels).measure()
        found.append([row["error_signal_norm"] for row in rows])
    return [row["kind"] for row in rows], np.log10(np.array(found)).mean(axis=0)


def test_delta_orthogonal_kernels_keep_the_norm_of_every_image():
    """Xiao et al. (2018): a circular convolution with such a kernel is an orthogonal map."""
    torch.manual_seed(0)
    model = build("conv", (4, 8, 8), 3, {"depth": 1, "channels": 4,
                                         "initialization": "delta_orthogonal"})  # fmt: skip
    layer = next(part for part in model if isinstance(part, nn.Conv2d))
    image = torch.randn(2, 4, 8, 8)
    torch.testing.assert_close(layer(image).norm(), image.norm())


def test_deep_tanh_convolutions_vanish_with_small_weights_and_not_delta_orthogonal():
    """At the origin each layer multiplies by n Var(W) (variance 1/3) or keeps the norm."""
    options = {"depth": 20, "channels": 32, "activation": "tanh"}
    _, standard = signals("conv", options | {"initialization": "standard"})
    _, orthogonal = signals("conv", options | {"initialization": "delta_orthogonal"})
    lost = (standard[0] - standard[18]) / 18
    # Weights uniform in ±1/√n_in have n Var(W) = 1/3: half of log10(1/3) a layer, in the bulk.
    assert lost == pytest.approx(math.log10(1 / 3) / 2, rel=0.1)
    assert abs(orthogonal[0] - orthogonal[18]) < 1.0
