"""The loss of recurrent networks and its gradient, as often as training asks for them."""

import numpy as np
import torch
from torch import Tensor

from gradient_atlas import arithmetic
from gradient_atlas.networks import recurrent
from gradient_atlas.networks.products import product
from gradient_atlas.networks.recurrent import RecurrentParameters
from gradient_atlas.networks.recurrent_steps import steps


class LossGradient:
    """Mean squared error over the examples of each of S networks, and its gradient.

    Args:
        cell: one of ``recurrent.GATES``.
        parameters: float32; they may change in place between calls.
        length: time steps T of a sequence.
        examples: sequences B of a batch.
    """

    def __init__(
        self, cell: str, parameters: RecurrentParameters, length: int, examples: int
    ) -> None:
        self._cell, self._parameters = cell, parameters
        seeds, _, hidden = parameters.recurrent_weight.shape
        self._steps = steps(cell, seeds, length, examples, hidden)

    def __call__(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Losses (S,), and gradients in the order of ``RecurrentParameters.tensors``.

        inputs (S, T, B, k), targets (S, B). Where the arithmetic is not portable, autograd's.
        """
        parameters, steps = self._parameters, self._steps
        if not arithmetic.is_portable():
            prediction = recurrent.unroll(self._cell, parameters, inputs).prediction
            losses = _mean_squared_errors(prediction, targets)
            return losses.detach(), list(torch.autograd.grad(losses.sum(), parameters.tensors()))
        flat = inputs.reshape(len(inputs), -1, inputs.shape[-1])
        projected = steps.projected.reshape(*flat.shape[:2], -1)
        weight = parameters.recurrent_weight.detach().numpy()
        with torch.no_grad():
            input_weight = parameters.input_weight.mT.numpy()
            np.matmul(flat.numpy(), input_weight, out=projected.numpy())
            projected += parameters.bias
        last = steps.forward(weight).requires_grad_()
        readout = product(last, parameters.readout_weight.mT) + parameters.readout_bias
        losses = _mean_squared_errors(readout.squeeze(-1), targets)
        slope, *of_readout = torch.autograd.grad(
            losses.sum(), (last, parameters.readout_weight, parameters.readout_bias)
        )
        of_recurrent = steps.backward(slope, weight)
        of_input = torch.from_numpy(np.matmul(flat.mT.numpy(), projected.numpy()))
        # Transposed views, as autograd has them: who adds over them adds in its order.
        gradients = [of_input.mT, of_recurrent.mT, projected.sum(1, keepdim=True), *of_readout]
        return losses.detach(), gradients


def _mean_squared_errors(prediction: Tensor, targets: Tensor) -> Tensor:
    return ((prediction - targets) ** 2).mean(1)
