"""Networks trained side by side: their steps without a graph against autograd's, bit for bit."""

import pytest
import torch

from gradient_atlas.ensembles import trainability
from gradient_atlas.ensembles.trainability import Plane


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_steps_are_those_of_autograd(depth):
    generator = torch.Generator().manual_seed(depth)
    kinds = [(0.5, 0.1), (1.5, 0.1), (1.5, 3.0)]
    inputs = torch.randn(40, 6, generator=generator)
    labels = torch.randint(0, 4, (40,), generator=generator)
    plane = Plane([sigma for sigma, _ in kinds], 0.05, width=7, depth=depth)
    layers = trainability._layers(plane, kinds, inputs, 4, generator)
    expected = [layer.detach().clone().requires_grad_() for layer in layers]
    rates = torch.tensor([rate for _, rate in kinds])[:, None, None]
    descent = trainability._Descent(layers, rates, 8)
    for step in range(5):
        rows = slice(8 * step, 8 * step + 8)
        descent.step(inputs[rows], labels[rows])
        logits, _ = trainability._forward(expected, inputs[rows])
        gradients = torch.autograd.grad(trainability._loss(logits, labels[rows]), expected)
        with torch.no_grad():
            for parameter, gradient in zip(expected, gradients, strict=True):
                parameter -= rates * gradient
        assert all(torch.equal(a, b) for a, b in zip(layers, expected, strict=True))
