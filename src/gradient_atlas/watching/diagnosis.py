"""What is wrong with a network before its first update, and a scale of its weights that mends it.

The remedy is computed. Where the network is a plain chain, mean-field theory says for which σ_w² =
n_in Var(W) the factor χ of the error signal is 1 (``theory.mean_field``); whether it is one is
asked of the measurement. Elsewhere the scale is found by measuring.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from pandas import DataFrame
from scipy.optimize import brentq
from torch import Tensor, nn
from torch.nn import functional

from gradient_atlas.measures.modules import slopes, spans
from gradient_atlas.tables.schemas.modules import MODULES
from gradient_atlas.theory.mean_field import slope_per_layer
from gradient_atlas.theory.nonlinearity import Nonlinearity, from_torch
from gradient_atlas.watching.findings import FLAT, signal_verdict
from gradient_atlas.watching.probe import Loss, ModuleProbe

# As near as theory of a wide network must come to the measured decades a layer, absolutely or as a
# share, for the network to count as one that it describes.
AGREES, AGREES_SHARE = 0.02, 0.2
_WIDEST = 30.0  # scales from 1/30 to 30 are tried
_BISECTIONS = 10


@dataclass(frozen=True)
class Remedy:
    """How to draw the weights anew, and what was measured then.

    Attributes:
        said: the remedy in one line; why there is none, if ``table`` is None.
        by: ``theory`` or ``measurement``.
        table: rows of ``MODULES`` of the mended network.
    """

    said: str
    by: str
    table: DataFrame | None


class Subject:
    """A network that can be made again and again, and the batch that it is measured on."""

    def __init__(
        self,
        make: Callable[[], nn.Module],
        inputs: Tensor,
        labels: Tensor,
        seeds: Sequence[int] = (0, 1, 2, 3, 4),
        loss: Loss = functional.cross_entropy,
    ) -> None:
        """``make`` draws its weights from torch's global generator, seeded with each of seeds.

        Measured in float64, unless the network refuses it: then in float32.
        """
        self.make, self.labels, self.loss = make, labels, loss
        self.seeds = list(seeds)
        # What a narrower format loses is told from it, so that nothing is lost before it is seen.
        self.inputs, self.dtype = inputs, torch.float64
        try:
            self._hidden = self._places_of_hidden()
        except RuntimeError:  # a network may insist on the precision that it was written for
            self.dtype = torch.float32
            self._hidden = self._places_of_hidden()
        self.activations: dict[str, Callable[[Tensor], Tensor]] = {}

    def network(self, seed: int) -> nn.Module:
        """The network that a seed makes."""
        torch.manual_seed(seed)
        return self.make().to(self.dtype)

    def _probe(self, model: nn.Module) -> ModuleProbe:
        return ModuleProbe(model, self.inputs.to(self.dtype), self.labels, self.loss)

    def _places_of_hidden(self) -> list[int]:
        model = self.network(self.seeds[0])
        probe = self._probe(model)
        probe.measure()
        place = {id(weight): number for number, weight in enumerate(model.parameters())}
        matrices = [weight for weight in probe.weights.values() if weight.ndim >= 2]
        return [place[id(weight)] for weight in matrices[:-1]]

    def hidden_weights(self, model: nn.Module) -> list[nn.Parameter]:
        """All matrices and kernels but the last of the forward pass, which no layer follows."""
        parameters = list(model.parameters())
        return [parameters[place] for place in self._hidden]

    def measure(
        self, change: Callable[[nn.Module], None] = lambda _: None, seeds: int | None = None
    ) -> DataFrame:
        """Rows of ``MODULES`` at step 0 of every seed (or the first so many), once changed."""
        rows: list[dict[str, Any]] = []
        for seed in self.seeds[:seeds]:
            model = self.network(seed)
            change(model)
            probe = self._probe(model)
            here = {"seed": seed, "step": 0, "update_ratio": math.nan}
            rows += [here | row for row in probe.measure()]
            self.activations |= probe.activations
        return pd.DataFrame(rows, columns=MODULES.names)


def weight_variance(weights: Sequence[Tensor]) -> float:
    """σ_w² = n_in Var(W) of these weights, the geometric mean over modules."""
    sizes = [w[0].numel() * float(w.detach().square().mean()) for w in weights]
    return float(np.exp(np.mean(np.log(sizes)))) if sizes and min(sizes) > 0 else math.nan


def critical_variance(phi: Nonlinearity, near: float) -> float:
    """The σ_w² at which χ(q*) = 1, the one nearest to ``near``; nan if there is none.

    Biases are 0 and the recursion starts at q = σ_w², as with standardised inputs.
    """

    def slope(logarithm: float) -> float:
        return slope_per_layer(phi, math.exp(logarithm), math.exp(logarithm))

    grid = np.log(near) + np.linspace(-2 * math.log(_WIDEST), 2 * math.log(_WIDEST), 121)
    values = [slope(float(point)) for point in grid]
    roots = [
        float(brentq(slope, low, high, xtol=1e-10))
        for low, high, a, b in zip(grid, grid[1:], values, values[1:], strict=False)
        if a <= 0 < b
    ]
    return math.exp(min(roots, key=lambda root: abs(root - math.log(near)))) if roots else math.nan


def mend(subject: Subject, table: DataFrame) -> Remedy:
    """Find the weights that keep the error signal, and measure the network with them."""
    found = _by_theory(subject, table)
    if isinstance(found, Remedy):
        return found
    return _by_measurement(subject, found)


def _by_theory(subject: Subject, table: DataFrame) -> Remedy | str:
    """The remedy, or in words why theory has none."""
    if table["kind"].str.contains("Norm|Attention").any():
        return "theory of a plain chain does not speak of normalisation or attention"
    if len(subject.activations) != 1:
        return f"{len(subject.activations)} different activations were called; theory takes one"
    phi = from_torch(next(iter(subject.activations.values())))
    now = weight_variance(subject.hidden_weights(subject.network(subject.seeds[0])))
    if not math.isfinite(now):
        return "some hidden weights are all 0"
    predicted = slope_per_layer(phi, now, now)
    measured = float(np.mean(slopes(table)))
    if not abs(predicted - measured) <= max(AGREES, AGREES_SHARE * abs(measured)):
        return (
            f"no plain chain: theory of one says {predicted:+.3f} decades a layer, measured are "
            f"{measured:+.3f}"
        )
    target = critical_variance(phi, now)
    if math.isnan(target):
        return "theory has no variance at which the factor is 1"

    def redraw(model: nn.Module) -> None:
        with torch.no_grad():
            for weight in subject.hidden_weights(model):
                size = weight[0].numel() * weight.square().mean()
                weight.mul_((target / size).sqrt())

    (name,) = subject.activations
    said = (
        f"draw hidden weights with variance {target:.4g}/n_in (they have {now:.4g}/n_in): there "
        f"the factor of a wide {name} network is 1"
    )
    return Remedy(said, "theory", subject.measure(redraw))


def _by_measurement(subject: Subject, why: str) -> Remedy:
    """Bisect a common factor of all hidden weights until the signal neither grows nor shrinks."""

    def scaled(factor: float) -> Callable[[nn.Module], None]:
        def change(model: nn.Module) -> None:
            with torch.no_grad():
                for weight in subject.hidden_weights(model):
                    weight.mul_(factor)

        return change

    def gain(logarithm: float) -> float:
        found = slopes(subject.measure(scaled(math.exp(logarithm)), seeds=2))
        known = len(found) > 0 and all(map(math.isfinite, found))
        return float(np.mean(found)) if known else math.copysign(math.inf, logarithm)

    low, high = -math.log(_WIDEST), math.log(_WIDEST)
    if not gain(low) < 0 < gain(high):
        return Remedy(
            f"no common scale of the weights from 1/{_WIDEST:g} to {_WIDEST:g} keeps the signal; "
            f"{why}",
            "measurement",
            None,
        )
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if gain(middle) < 0 else (low, middle)
    factor = math.exp((low + high) / 2)
    said = f"multiply all hidden weights by {factor:.3g}, found by measuring ({why})"
    return Remedy(said, "measurement", subject.measure(scaled(factor)))


def needs_mending(table: DataFrame) -> bool:
    """Whether the signal leaves its orders of magnitude, or may."""
    return signal_verdict(spans(table)) != FLAT
