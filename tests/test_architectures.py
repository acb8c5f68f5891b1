"""The built-in networks: shapes, options, and what their cited sources say of them at the start."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from gradient_atlas.errors import InputError
from gradient_atlas.networks.architectures import ARCHITECTURES, build
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
        ("resnet", {"branch": "long"}, "branch: 'long' is wrong"),
        ("transformer", {"width": 10, "heads": 4}, "multiple of heads"),
        ("conv", {"kernel": 2}, "it must be odd"),
        ("operator:contains", {}, "returned a bool"),
    ],
)
def test_what_cannot_be_built_is_refused_in_words(name, options, message):
    with pytest.raises(InputError, match=message):
        build(name, (1, 8, 8), 4, options)


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


def test_residual_branches_double_the_signal_unless_they_are_scaled_or_zero():
    """Each plain block x + f(x) of He's kernels adds a branch of the variance of its input: the
    backward signal's square doubles a block (Zhang et al. 2019, section 2)."""
    ends = {}
    for branch in ("plain", "inverse_sqrt", "fixup"):
        torch.manual_seed(0)
        model = build("resnet", (1, 8, 8), 10, {"blocks": 16, "channels": 64, "branch": branch})
        stem, blocks = model[0], model[1:17]
        hidden = stem(torch.randn(16, 1, 8, 8)).detach().requires_grad_()
        out = hidden
        for block in blocks:
            out = block(out)
        (gradient,) = torch.autograd.grad((out * torch.randn_like(out)).sum(), hidden)
        ends[branch] = float(gradient.norm() ** 2 / out.numel())
    assert ends["fixup"] == pytest.approx(1, rel=0.1)
    # (1 + 1/L)^L with s² = 1/L: below e. Zero padding at the borders takes a part of the branch.
    assert 1.5 < ends["inverse_sqrt"] < math.e * 1.2
    assert 8 < math.log2(ends["plain"]) < 17


def test_pre_norm_shrinks_the_last_gradients_by_the_size_of_its_stream_and_post_norm_does_not():
    """Xiong et al. (2020), section 3: the last LayerNorm divides by the norm of the stream, which
    grows with depth where no norm stands in it; with post-norm nothing depends on the depth."""
    last, stream = {}, {}
    for norm in ("pre", "post"):
        for layers in (4, 16):
            options = {"layers": layers, "width": 32, "heads": 4, "norm": norm}
            sizes = []
            for seed in range(4):
                torch.manual_seed(seed)
                model = build("transformer", (1, 8, 8), 10, options)
                inputs = torch.randn(32, 1, 8, 8)
                rows = ModuleProbe(model, inputs, torch.arange(32) % 10).measure()
                block = [row for row in rows if row["module"].endswith("contract")][-1]
                x = model[: 2 + layers](inputs).detach()
                sizes.append((block["weight_gradient_norm"], float(x.square().mean().sqrt())))
            last[norm, layers], stream[norm, layers] = np.mean(sizes, axis=0)
    assert last["post", 16] / last["post", 4] == pytest.approx(1, abs=0.25)
    growth = stream["pre", 16] / stream["pre", 4]
    assert growth > 1.5
    assert last["pre", 4] / last["pre", 16] == pytest.approx(growth, rel=0.2)
