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
        gradients = list(gradients)
        if self.weight_decay:
            gradients = torch._foreach_add(gradients, self.parameters, alpha=self.weight_decay)
        first_correction = 1.0 - 0.9**self._updates
        second_correction = 1.0 - 0.999**self._updates
        # A list at a time: of many small tensors, a call for each takes longer than its arithmetic.
        torch._foreach_mul_(self._first, 0.9)
        torch._foreach_add_(self._first, gradients, alpha=0.1)
        torch._foreach_mul_(self._second, 0.999)
        torch._foreach_addcmul_(self._second, gradients, gradients, value=0.001)
        roots = torch._foreach_sqrt(torch._foreach_div(self._second, second_correction))
        torch._foreach_add_(roots, 1e-8)
        step = -self.learning_rate / first_correction
        torch._foreach_addcdiv_(self.parameters, self._first, roots, value=step)

    def state_dict(self) -> dict[str, Any]:
        """Both moments and the number of updates."""
        return {"first": self._first, "second": self._second, "updates": self._updates}

    @torch.no_grad()
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from that state."""
        torch._foreach_copy_(self._first, state_dict["first"])
        torch._foreach_copy_(self._second, state_dict["second"])
        self._updates = state_dict["updates"]
