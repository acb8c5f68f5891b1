import math
from functools import partial

import numpy as np
import pytest
import torch

from gradient_atlas.errors import InputError
from gradient_atlas.runs.feedforward import Run
from gradient_atlas.training import norms
from gradient_atlas.training.optimizers import SGD, build_optimizer, clip_gradients


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_sgd_against_its_formula(momentum, weight_decay):
    """On L = ½ h θ² each of three updates is written out by hand."""
    eta, h = 0.1, np.array([1.0, 4.0])
    theta, velocity = np.array([1.0, -2.0]), np.zeros(2)
    parameter = torch.tensor(theta, requires_grad=True)
    optimizer = SGD([parameter], eta, momentum, weight_decay)
    for _ in range(3):
        optimizer.step([parameter.detach() * torch.from_numpy(h)])
        velocity = momentum * velocity + h * theta + weight_decay * theta
        theta = theta - eta * velocity
        np.testing.assert_allclose(parameter.detach().numpy(), theta, rtol=1e-14, atol=1e-15)


REFERENCES = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, 0.05, momentum=0.8, weight_decay=0.01),
    "nesterov": lambda parameters: torch.optim.SGD(
        parameters, 0.05, momentum=0.8, weight_decay=0.01, nesterov=True
    ),
    "adam": lambda parameters: torch.optim.Adam(parameters, 0.05, weight_decay=0.01),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_an_optimizer_agrees_with_torch(name):
    generator = torch.Generator().manual_seed(0)
    ours = [torch.randn(4, 3, generator=generator).requires_grad_() for _ in range(3)]
    theirs = [p.detach().clone().requires_grad_() for p in ours]
    reference = REFERENCES[name](theirs)
    momentum = 0.0 if name == "adam" else 0.8
    run = Run("digits", optimizer=name, learning_rate=0.05, momentum=momentum, weight_decay=0.01)
    optimizer = build_optimizer(run, ours)
    for _ in range(4):
        gradients = [torch.randn(4, 3, generator=generator) for _ in ours]
        kept = [gradient.clone() for gradient in gradients]
        optimizer.step(gradients)
        for parameter, gradient in zip(theirs, kept, strict=True):
            parameter.grad = gradient
        reference.step()
        for gradient, before in zip(gradients, kept, strict=True):
            assert torch.equal(gradient, before)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1e-30, 0.1, 3.0, 1e25])
@pytest.mark.parametrize("threshold", [1.0, 5.0])
def test_clipping_caps_the_norm_and_keeps_the_direction(precision, scale, threshold):
    generator = torch.Generator().manual_seed(2)
    gradients = [
        scale * torch.randn(shape, generator=generator, dtype=precision)
        for shape in ((3, 4), (5,), (2, 2))
    ]
    clipped, before, after = clip_gradients(gradients, threshold)
    assert before == norms.global_norm(gradients)
    assert after == norms.global_norm(clipped) <= threshold
    if before > threshold:
        assert after == pytest.approx(threshold, rel=1e-5)
    else:
        assert all(torch.equal(a, b) for a, b in zip(gradients, clipped, strict=True))
    old, new = (torch.cat([g.flatten().double() for g in many]) for many in (gradients, clipped))
    cosine = float((old / norms.norm(old)) @ (new / norms.norm(new)))
    assert cosine == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_clipping_leaves_what_is_not_finite(value):
    gradients = [torch.tensor([1.0, value])]
    clipped, before, after = clip_gradients(gradients, 1.0)
    assert not math.isfinite(before)
    assert not math.isfinite(after)
    torch.testing.assert_close(clipped[0], gradients[0], equal_nan=True)


@pytest.mark.parametrize("name", ["adam", "lamb"])
def test_a_momentum_that_would_not_be_used_is_refused(name):
    run = Run(dataset="digits", optimizer=name, momentum=0.9)
    with pytest.raises(InputError, match="momentum"):
        build_optimizer(run, [torch.zeros(2, requires_grad=True)])


def test_lars_update_is_the_trust_ratio_times_the_rate():
    """‖ΔW‖ = η · 0.001 ‖W‖ whatever the gradient's size (You, Gitman, Ginsburg, 2017, eq. 6)."""
    run = Run(dataset="digits", optimizer="lars", learning_rate=0.5, precision="float64")
    for scale in (1e-6, 1.0, 1e6):
        weight = torch.ones(4, 4, dtype=torch.float64, requires_grad=True)
        gradient = scale * torch.eye(4, dtype=torch.float64)
        build_optimizer(run, [weight]).step([gradient])
        change = norms.norm(weight.detach() - 1)
        assert change == pytest.approx(0.5 * 0.001 * 4, rel=1e-4)


def test_lamb_update_is_the_trust_ratio_times_the_rate():
    """First update: Adam's direction, its length set to ‖W‖ (You et al., 2020, algorithm 2)."""
    run = Run(dataset="digits", optimizer="lamb", learning_rate=0.01, precision="float64")
    weight = torch.full((4, 4), 0.5, dtype=torch.float64, requires_grad=True)
    build_optimizer(run, [weight]).step([torch.full((4, 4), 3.0, dtype=torch.float64)])
    change = norms.norm(weight.detach() - 0.5)
    assert change == pytest.approx(0.01 * 2, rel=1e-3)


def test_lamb_scales_by_the_whole_norm_of_a_wide_layer():
    """‖W‖ = 30 here, three times the library's own limit."""
    run = Run(dataset="digits", optimizer="lamb", learning_rate=0.01, precision="float64")
    weight = torch.full((30, 30), 1.0, dtype=torch.float64, requires_grad=True)
    build_optimizer(run, [weight]).step([torch.full((30, 30), 3.0, dtype=torch.float64)])
    assert norms.norm(weight.detach() - 1.0) == pytest.approx(0.01 * 30, rel=1e-3)


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", REFERENCES)
def test_parameters_laid_into_one_tensor_move_by_the_same_bits(name, precision):
    """Its place in a tensor decides whether a number is computed alone or with neighbours."""
    generator = torch.Generator().manual_seed(0)
    sizes = [1, 3, 8, 10, 17, 33, 64, 100]
    draw = partial(torch.randn, generator=generator, dtype=precision)
    apart = [draw(size) for size in sizes]
    whole = torch.cat(apart)
    momentum = 0.0 if name == "adam" else 0.87
    run = Run("digits", optimizer=name, learning_rate=0.037, momentum=momentum, weight_decay=0.013)
    of_all, of_each = build_optimizer(run, [whole]), build_optimizer(run, apart)
    for _ in range(3):
        gradients = [draw(size) for size in sizes]
        of_each.step(gradients)
        of_all.step([torch.cat(gradients)])
    assert torch.equal(whole, torch.cat(apart))
