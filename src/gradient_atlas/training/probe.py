"""What is measured at every layer on a fixed batch: gradients, error signals, activations.

One forward and one backward pass yield all layers' gradients, with respect to the weights and to
the pre-activations. Norms are accumulated in float64 (``norms``).
"""

import math
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


@dataclass(frozen=True)
class LayerProbe:
    """The measurements of one layer; the names are columns of the ``gradients`` table.

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

    weight_gradient_norm: float
    float32_weight_gradient_norm: float
    error_signal_norm: float
    activation_rms: float
    mean_activation_derivative: float
    saturated_fraction: float
    dead_fraction: float
    inactive_fraction: float
    weight_norm: float


class Probe:
    """Measures one network on one fixed batch, as often as asked, without changing it."""

    def __init__(self, network: FeedForward, inputs: Tensor, labels: Tensor) -> None:
        """``inputs`` (B, n_inputs) and ``labels`` (B,) are the batch."""
        self.network = network
        self.labels = labels
        self._passes = Passes(network, inputs, "probe", network.weights, keep=True)

    def measure(self) -> list[LayerProbe]:
        """One ``LayerProbe`` a layer, l = 1 first; batch normalisation takes this batch's moments.

        Since L is the mean over B examples, ∂L/∂z_i = (∂ℓ_i/∂z_i)/B when examples do not interact,
        so error_signal_norm = √(B Σ (∂L/∂z)²). Batch normalisation couples examples: ∂ℓ_i/∂z_i then
        stands for B ∂L/∂z_i, through all examples' losses.
        """
        passes, weights = self._passes, self.network.weights
        passes.forward()
        passes.backward(self.labels)
        depth = len(weights)
        pairs = zip(passes.gradients, passes.error_signals, strict=True)
        layers = []
        for index, (weight_gradient, error_signal) in enumerate(pairs):
            hidden = index < depth - 1
            layers.append(
                LayerProbe(
                    weight_gradient_norm=norms.norm(weight_gradient),
                    float32_weight_gradient_norm=norms.float32_norm(weight_gradient),
                    error_signal_norm=math.sqrt(len(self.labels)) * norms.norm(error_signal),
                    activation_rms=norms.root_mean_square(passes.activations[index]),
                    weight_norm=norms.norm(weights[index]),
                    **_slope_summary(
                        self.network.activation,
                        passes.activation_inputs[index] if hidden else None,
                    ),
                )
            )
        return layers


@cache
def _saturation_threshold(activation: activations.Activation) -> float:
    """|φ'| below which a unit is saturated; NaN for an unbounded activation."""
    if not activations.is_bounded(activation):
        return math.nan
    return SATURATION_SHARE * activations.largest_derivative(activation)


def _slope_summary(activation: activations.Activation, z: Tensor | None) -> dict[str, float]:
    """The columns that depend on φ'(z); z is (examples, units), None for the output layer."""
    mean = saturated = math.nan
    off, slope = _off(activation, z)
    if slope is not None:
        mean = float(slope.mean(dtype=torch.float64))
        threshold = _saturation_threshold(activation)
        if not math.isnan(threshold):
            saturated = int((slope.abs_() < threshold).sum()) / slope.numel()
    return {"mean_activation_derivative": mean, "saturated_fraction": saturated} | off


class SharesOff:
    """The columns dead_fraction and inactive_fraction, on other rows than the probe's.

    More rows than the probe's switch on more units; gradients are not needed for it.
    """

    def __init__(self, network: FeedForward, inputs: Tensor) -> None:
        """``inputs`` are the rows (N, n_inputs)."""
        self._passes = Passes(network, inputs, "probe", keep=True)

    def measure(self) -> list[dict[str, float]]:
        """Both columns of every layer, l = 1 first."""
        self._passes.forward()
        phi = self._passes.network.activation
        return [_off(phi, z)[0] for z in [*self._passes.activation_inputs, None]]


def _off(
    activation: activations.Activation, z: Tensor | None
) -> tuple[dict[str, float], Tensor | None]:
    """Shares of units that are dead and inactive on z (examples, units), and φ'(z).

    Of no z, and of one with a NaN, nothing is known: a comparison with NaN is false, and a network
    beyond float's range would pass for a living one.
    """
    if z is None or bool((highest := z.detach().amax(dim=0)).isnan().any()):
        return {"dead_fraction": math.nan, "inactive_fraction": math.nan}, None
    slope, units = activations.derivative(activation, z), z.shape[1]
    # The largest of a column in place of a truth about each entry: a quarter of the time.
    steepest = torch.maximum(slope.amax(dim=0), -slope.amin(dim=0))
    dead, inactive = int((steepest == 0).sum()), int((highest <= 0).sum())
    return {"dead_fraction": dead / units, "inactive_fraction": inactive / units}, slope
