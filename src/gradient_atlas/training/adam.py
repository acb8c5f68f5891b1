"""Adam, written out: making PyTorch's imports a compiler and takes longer than most of our runs."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


class Adam:
    """m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², θ ← θ - η m̂ / (√v̂ + ε).

    m̂ = m / (1 - β₁ᵗ) and v̂ = v / (1 - β₂ᵗ) after t updates; β₁ = 0.9, β₂ = 0.999, ε = 1e-8.
    Source: Kingma & Ba 2015, algorithm 1. With ``weight_decay`` λ, g is ∂L/∂θ + λ θ.
    """

    def __init__(
        self, parameters: Sequence[Tensor], learning_rate: float, weight_decay: float = 0.0
    ) -> None:
        self.parameters = list(parameters)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self._first = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._second = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._updates = 0

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        """Make one update; gradients are in the parameters' order."""
        self._updates += 1
        if self.weight_decay:
            gradients = torch._foreach_add(
                list(gradients), self.parameters, alpha=self.weight_decay
            )
        first_correction = 1.0 - 0.9**self._updates
        second_correction = 1.0 - 0.999**self._updates
        for parameter, gradient, first, second in zip(
            self.parameters, gradients, self._first, self._second, strict=True
        ):
            first.mul_(0.9).add_(gradient, alpha=0.1)
            second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
            root = (second / second_correction).sqrt_().add_(1e-8)
            parameter.addcdiv_(first, root, value=-self.learning_rate / first_correction)

    def state_dict(self) -> dict[str, Any]:
        """Both moments and the number of updates."""
        return {"first": self._first, "second": self._second, "updates": self._updates}

    @torch.no_grad()
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from that state."""
        torch._foreach_copy_(self._first, state_dict["first"])
        torch._foreach_copy_(self._second, state_dict["second"])
        self._updates = state_dict["updates"]
