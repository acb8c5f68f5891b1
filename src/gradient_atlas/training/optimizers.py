"""Update rules: SGD with its momenta, Adam, and the layer-wise ones of ``pytorch_optimizer``."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from gradient_atlas.errors import InputError
from gradient_atlas.runs.feedforward import Run
from gradient_atlas.training import norms
from gradient_atlas.training.adam import Adam

# Rounding to float32 may lift a norm that was scaled exactly onto the threshold just above it.
CLIP_MARGIN = 1 - 1e-6


class Optimizer(Protocol):
    """Changes parameters in place by gradients given in the same order."""

    def step(self, gradients: Sequence[Tensor]) -> None:
        """Make one update."""

    def state_dict(self) -> dict[str, Any]:
        """All that the next update hangs on besides parameters and options; nothing is copied."""

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what ``state_dict`` gave, in another process."""


class SGD:
    """v ← β v + ∂L/∂θ + λ θ, θ ← θ - η v (Polyak, 1964; v starts at 0), on every parameter.

    With ``nesterov`` θ ← θ - η (∂L/∂θ + λ θ + β v), v as above (Sutskever et al., 2013).
    λ multiplies θ itself: a penalty (λ/2) Σ θ² in the loss. The formulas of ``torch.optim.SGD``,
    which is not used because making one imports the compiler and takes longer than many a run.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        learning_rate: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        self.parameters = list(parameters)
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.nesterov = nesterov
        self._velocity = [torch.zeros_like(p) for p in self.parameters] if momentum else []

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        """Make one update; the gradients are left as they are."""
        direction = list(gradients)
        if self.weight_decay:
            direction = list(
                torch._foreach_add(direction, self.parameters, alpha=self.weight_decay)
            )
        if self.momentum:
            torch._foreach_mul_(self._velocity, self.momentum)
            torch._foreach_add_(self._velocity, direction)
            if self.nesterov:
                ahead = torch._foreach_add(direction, self._velocity, alpha=self.momentum)
                direction = list(ahead)
            else:
                direction = self._velocity
        torch._foreach_add_(self.parameters, direction, alpha=-self.learning_rate)

    def state_dict(self) -> dict[str, Any]:
        """The velocities, none without momentum."""
        return {"velocity": self._velocity}

    @torch.no_grad()
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from that state."""
        if self.momentum:
            torch._foreach_copy_(self._velocity, state_dict["velocity"])


class LayerwiseOptimizer:
    """LARS (You, Gitman, Ginsburg, 2017) or LAMB (You et al., 2020) from ``pytorch_optimizer``.

    Trust coefficient (LARS, 0.001) and moment decay rates (LAMB, 0.9 and 0.999) are the library's.
    Its LARS gives biases, gains and shifts the plain rate, its LAMB scales theirs too:
    ``train_biases: false`` puts both on one footing.
    """

    def __init__(self, run: Run, parameters: Sequence[Tensor]) -> None:
        # Imported here: the package is heavy and most runs do not need it.
        import pytorch_optimizer

        self.parameters = list(parameters)
        common: dict[str, Any] = {"lr": run.learning_rate, "weight_decay": run.weight_decay}
        self._optimizer: torch.optim.Optimizer
        if run.optimizer == "lars":
            self._optimizer = pytorch_optimizer.LARS(
                self.parameters, momentum=run.momentum, **common
            )
        else:
            # By default the library divides the rate by 1 - 0.9^t, which makes early updates up to
            # ten times as long as the η ‖W‖ of the paper's algorithm 2.
            lamb = pytorch_optimizer.Lamb(self.parameters, adam_debias=True, **common)
            # Its φ(‖W‖) of algorithm 2 is min(‖W‖, 10), which would be silent about any layer of
            # width 50 or more with He weights; with the identity η is the relative change of W.
            lamb.clamp = math.inf
            self._optimizer = lamb

    def step(self, gradients: Sequence[Tensor]) -> None:
        """Make one update."""
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        self._optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """The library's."""
        return self._optimizer.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from that state."""
        self._optimizer.load_state_dict(dict(state_dict))


def build_optimizer(run: Run, parameters: Sequence[Tensor]) -> Optimizer:
    """The optimizer that the run names.

    Raises ``InputError`` for a momentum that Adam or LAMB would not use.
    """
    if run.optimizer in ("sgd", "nesterov"):
        ahead = run.optimizer == "nesterov"
        return SGD(parameters, run.learning_rate, run.momentum, run.weight_decay, ahead)
    if run.optimizer in ("adam", "lamb") and run.momentum:
        raise InputError(
            f"momentum: {run.momentum} with optimizer {run.optimizer}, which has its own; "
            "leave momentum at 0"
        )
    if run.optimizer == "adam":
        return Adam(parameters, run.learning_rate, run.weight_decay)
    return LayerwiseOptimizer(run, parameters)


def clip_gradients(
    gradients: Sequence[Tensor], threshold: float
) -> tuple[list[Tensor], float, float]:
    """Scale all gradients by one factor so that their global norm is at most ``threshold``.

    Pascanu, Mikolov, Bengio (2013), algorithm 1; the norm is computed in float64. Returns the
    gradients and the global norm before and after. Gradients that are not finite come back
    unchanged.
    """
    before = norms.global_norm(gradients)
    if not threshold < before < float("inf"):
        return list(gradients), before, before
    scaled = list(torch._foreach_mul(list(gradients), CLIP_MARGIN * threshold / before))
    return scaled, before, norms.global_norm(scaled)
