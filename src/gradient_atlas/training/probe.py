"""What is measured at every layer on a fixed batch: gradients, error signals, activations.

One forward and one backward pass yield all layers' gradients, with respect to the weights and to
the pre-activations. Norms are accumulated in float64 (``norms``).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from gradient_atlas.networks import activations
from gradient_atlas.networks.backpropagation import Passes
from gradient_atlas.networks.feedforward import FeedForward
from gradient_atlas.training import norms

# A unit of a bounded activation is saturated where |φ'(z)| is below this share of max |φ'|.
SATURATION_SHARE = 0.1

_OFF = ("dead_fraction", "inactive_fraction")
_SLOPES = (*_OFF, "mean_activation_derivative", "saturated_fraction")


@dataclass(frozen=True)
class Measured:
    """The measurements: columns of the ``gradients`` table, an entry a layer, l = 1 first.

    Attributes:
        weight_gradient_norm: ‖∂L/∂W^(l)‖_F, L the mean loss of the batch.
        float32_weight_gradient_norm: the same computed in float32, which under- and overflows.
        error_signal_norm: √(mean over examples i of ‖∂ℓ_i/∂z_i^(l)‖²), ℓ_i the loss of example i.
        activation_rms: √(mean over examples and units of (a^(l))²); of the logits for l = L.
        mean_activation_derivative: mean of φ'(z) over examples and units. NaN for l = L, as are the
            three fractions, because the output layer has no activation; NaN too where z is NaN.
        saturated_fraction: share of all (example, unit) pairs with |φ'(z)| < 0.1 max|φ'|; NaN for
            an unbounded activation.
        dead_fraction: share of units with φ'(z) = 0 for every example: their weights do not learn.
        inactive_fraction: share of units with z ≤ 0 for every example; for ReLU the same as dead.
        weight_norm: ‖W^(l)‖_F.
    """

    weight_gradient_norm: list[float]
    float32_weight_gradient_norm: list[float]
    error_signal_norm: list[float]
    activation_rms: list[float]
    mean_activation_derivative: list[float]
    saturated_fraction: list[float]
    dead_fraction: list[float]
    inactive_fraction: list[float]
    weight_norm: list[float]


class Probe:
    """Measures one network on one fixed batch, as often as asked, without changing it."""

    def __init__(self, network: FeedForward, inputs: Tensor, labels: Tensor) -> None:
        """``inputs`` (B, n_inputs) and ``labels`` (B,) are the batch."""
        self.network = network
        self.labels = labels
        self._passes = Passes(network, inputs, "probe", network.weights, keep=True)

    def measure(self) -> Measured:
        """All columns; batch normalisation takes this batch's moments.

        Since L is the mean over B examples, ∂L/∂z_i = (∂ℓ_i/∂z_i)/B when examples do not interact,
        so error_signal_norm = √(B Σ (∂L/∂z)²). Batch normalisation couples examples: ∂ℓ_i/∂z_i then
        stands for B ∂L/∂z_i, through all examples' losses.
        """
        passes, phi, root = self._passes, self.network.activation, math.sqrt(len(self.labels))
        passes.forward()
        passes.backward(self.labels)
        return Measured(
            weight_gradient_norm=norms.each_norm(passes.gradients),
            float32_weight_gradient_norm=norms.each_float32_norm(passes.gradients),
            error_signal_norm=[root * size for size in norms.each_norm(passes.error_signals)],
            activation_rms=[
                size / math.sqrt(a.numel())
                for size, a in zip(
                    norms.each_norm(passes.activations), passes.activations, strict=True
                )
            ],
            weight_norm=norms.each_norm(self.network.weights),
            **_slope_summary(phi, passes.activation_inputs),
        )


class SharesOff:
    """The columns dead_fraction and inactive_fraction, on other rows than the probe's.

    More rows than the probe's switch on more units; gradients are not needed for it.
    """

    def __init__(self, network: FeedForward, inputs: Tensor) -> None:
        """``inputs`` are the rows (N, n_inputs)."""
        self._passes = Passes(network, inputs, "probe", keep=True)

    def measure(self) -> dict[str, list[float]]:
        """Both columns, an entry a layer, l = 1 first."""
        self._passes.forward()
        phi = self._passes.network.activation
        found = _slope_summary(phi, self._passes.activation_inputs, off_alone=True)
        return {name: found[name] for name in _OFF}


@cache
def _saturation_threshold(activation: activations.Activation) -> float:
    """|φ'| below which a unit is saturated; NaN for an unbounded activation."""
    if not activations.is_bounded(activation):
        return math.nan
    return SATURATION_SHARE * activations.largest_derivative(activation)


def _slope_summary(
    activation: activations.Activation, inputs: Sequence[Tensor], off_alone: bool = False
) -> dict[str, list[float]]:
    """The columns that depend on φ'(z), from each hidden layer's z (examples, units).

    Of a z with a NaN nothing is known: a comparison with NaN is false, and a network beyond float's
    range would pass for a living one. All numbers are read at once, after the last layer; with
    ``off_alone`` they are those of units that are dead or inactive.
    """
    threshold = math.nan if off_alone else _saturation_threshold(activation)
    highest, steepest, means, saturated = [], [], [], []
    for z in inputs:
        slope = activations.derivative(activation, z)
        highest.append(z.amax(dim=0))
        # The largest of a column in place of a truth about each entry: a quarter of the time.
        steepest.append(torch.maximum(slope.amax(dim=0), -slope.amin(dim=0)))
        if not off_alone:
            means.append(slope.mean(dtype=torch.float64))
        if not math.isnan(threshold):
            saturated.append((slope.abs_() < threshold).sum())
    unknown = [math.nan] * (len(inputs) + 1)
    if not inputs:
        return dict.fromkeys(_SLOPES, unknown)
    largest = torch.stack(highest)
    known = ~largest.isnan().any(dim=1)

    def column(values: Tensor, of: int = 1) -> list[float]:
        found = torch.where(known, values.to(torch.float64) / of, math.nan)
        return [*found.tolist(), math.nan]  # of the output layer

    dead, inactive = (torch.stack(steepest) == 0).sum(dim=1), (largest <= 0).sum(dim=1)
    columns = column(dead, largest.shape[1]), column(inactive, largest.shape[1])
    mean = column(torch.stack(means)) if means else unknown
    share = column(torch.stack(saturated), inputs[0].numel()) if saturated else unknown
    return dict(zip(_SLOPES, (*columns, mean, share), strict=True))
