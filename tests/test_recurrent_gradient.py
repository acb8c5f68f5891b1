"""Gradients of recurrent networks that are written out, against autograd."""

import pytest
import torch

from gradient_atlas import arithmetic
from gradient_atlas.networks import recurrent
from gradient_atlas.networks.recurrent_gradient import LossGradient

CELLS = [("rnn", None), ("lstm", 1.0), ("gru", "chrono")]


def ours_and_autograds(cell, gate_bias, hidden, scale=1.0, length=9, seeds=(0, 3)):
    """Losses and gradients (S, ...) of two batches in turn, the parameters changed between them."""
    parameters = recurrent.initialize(
        cell, 2, hidden, "orthogonal", scale, gate_bias, length, list(seeds)
    ).to(torch.float32)
    gradient = LossGradient(cell, parameters, length, examples=5)
    generator = torch.Generator().manual_seed(1)
    for _ in range(2):
        inputs = torch.randn(len(seeds), length, 5, 2, generator=generator)
        targets = torch.randn(len(seeds), 5, generator=generator)
        prediction = recurrent.unroll(cell, parameters, inputs).prediction
        losses = ((prediction - targets) ** 2).mean(1)
        theirs = torch.autograd.grad(losses.sum(), parameters.tensors())
        our_losses, ours = gradient(inputs, targets)
        yield [our_losses, *ours], [losses.detach(), *theirs]
        with torch.no_grad():
            for tensor, change in zip(parameters.tensors(), theirs, strict=True):
                tensor -= 0.1 * change


@pytest.mark.parametrize(("cell", "gate_bias"), CELLS)
def test_no_bit_differs_from_autograd(cell, gate_bias):
    # Units in sixteens: torch's vectors then see each number alone and beside the others alike.
    for ours, theirs in ours_and_autograds(cell, gate_bias, hidden=16):
        for mine, its in zip(ours, theirs, strict=True):
            assert torch.equal(mine, its) and mine.stride() == its.stride()


@pytest.mark.parametrize(("cell", "gate_bias"), CELLS)
def test_any_number_of_units(cell, gate_bias):
    for hidden in (1, 7):
        for ours, theirs in ours_and_autograds(cell, gate_bias, hidden):
            for mine, its in zip(ours, theirs, strict=True):
                torch.testing.assert_close(mine, its, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("cell", "gate_bias"), CELLS)
def test_a_seed_that_explodes_leaves_the_other_alone(cell, gate_bias):
    parameters = recurrent.initialize(cell, 2, 16, "orthogonal", 1.0, gate_bias, 9, [0, 3])
    parameters = parameters.to(torch.float32)
    inputs, targets = torch.ones(2, 9, 5, 2), torch.ones(2, 5)
    gradient = LossGradient(cell, parameters, 9, 5)
    before = gradient(inputs, targets)
    with torch.no_grad():
        parameters.recurrent_weight[0] = torch.nan
    losses, gradients = gradient(inputs, targets)
    assert losses[0].isnan() and losses[1] == before[0][1]
    for now, then in zip(gradients, before[1], strict=True):
        assert torch.equal(now[1], then[1])
    with torch.no_grad():
        parameters.recurrent_weight[0] = 0.0
    assert gradient(inputs, targets)[0].isfinite().all()  # nothing is left of it


def test_where_torch_multiplies_the_gradient_is_autograds(monkeypatch):
    monkeypatch.setattr(arithmetic, "_in_use", "native")
    for ours, theirs in ours_and_autograds("gru", 0.0, hidden=7):
        for mine, its in zip(ours, theirs, strict=True):
            torch.testing.assert_close(mine, its, rtol=1e-5, atol=1e-6)
