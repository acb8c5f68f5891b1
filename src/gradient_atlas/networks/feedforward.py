"""The multilayer perceptron that a ``Run`` describes, written so that every layer can be watched.

Layer l = 1..L (L weight layers, the output layer included, l = 1 nearest the input) computes

    z^(l) = W^(l) a^(l-1) + b^(l),        a^(0) = inputs,        logits = z^(L),

and hidden layers go on to a^(l) = φ(N(z^(l))), or N(φ(z^(l))) when N comes after the activation.
N is nothing, batch normalisation (Ioffe, Szegedy, 2015, algorithm 1) or layer normalisation (Ba,
Kiros, Hinton, 2016, equation 4), with a learnable gain and shift for each unit. With residual
connections (He et al., 2016, equation 1) the hidden layers l = 2..L-1, which have equal width,
compute a^(l) = a^(l-1) + s f(a^(l-1)), where f is all of the above and s is ``residual_scale``.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import torch
from torch import Generator, Tensor
from torch.nn import functional

from gradient_atlas.networks.activations import get_activation
from gradient_atlas.networks.initialization import get_initialization
from gradient_atlas.networks.products import linear
from gradient_atlas.runs.feedforward import Run

PRECISIONS = {"float32": torch.float32, "float64": torch.float64}

RUNNING_MOMENTUM = 0.1  # share of the newest batch in batch normalisation's running statistics
EPSILON = 1e-5  # added to a variance before its root

# "train": batch statistics, which also enter the running ones; "probe": batch statistics alone;
# "evaluate": running statistics. Only batch normalisation tells them apart.
Mode = Literal["train", "probe", "evaluate"]


@dataclass
class Trace:
    """What one forward pass went through; each list has an entry a layer, l = 1 first.

    ``pre_activations`` z^(l), ``activation_inputs`` (what φ is applied to: z^(l), or N(z^(l));
    hidden layers only) and ``activations`` a^(l) (the logits for l = L), each (examples, units).
    """

    pre_activations: list[Tensor] = field(default_factory=list)
    activation_inputs: list[Tensor] = field(default_factory=list)
    activations: list[Tensor] = field(default_factory=list)


class FeedForward:
    """Parameters and forward pass; gradients come from ``torch.autograd.grad``.

    ``weights[l-1]`` is W^(l), of shape (n_out, n_in); ``biases[l-1]`` is b^(l), which starts at
    0, or with ``bias_std`` at normal values drawn after all weights, so that the weights of a seed
    stay.
    ``gains`` (start at 1) and ``shifts`` (start at 0) belong to the normalisation of the hidden
    layers and are empty without one. Weights are drawn in float64 and then rounded to the run's
    precision, so that a float32 and a float64 run start at the same network.
    """

    def __init__(self, run: Run, n_inputs: int, n_classes: int, generator: Generator) -> None:
        """Draw the initial weights.

        Raises ``InputError`` for an unknown activation or initialisation.
        """
        self.run = run
        self.activation = get_activation(run.activation)
        fill = get_initialization(run.initialization, run.weight_std)
        self.dtype = PRECISIONS[run.precision]
        sizes = [n_inputs, *[run.width] * (run.depth - 1), n_classes]
        self.weights: list[Tensor] = []
        for n_in, n_out in pairwise(sizes):
            weight = torch.empty(n_out, n_in, dtype=torch.float64)
            fill(weight, generator)
            self.weights.append(weight.to(self.dtype).requires_grad_())
        self.biases = [self._bias(n, run.bias_std, generator) for n in sizes[1:]]
        normalized = sizes[1:-1] if run.normalization != "none" else []
        self.gains = [self._constant(1.0, n) for n in normalized]
        self.shifts = [self._constant(0.0, n) for n in normalized]
        self.running_means = [torch.zeros(n, dtype=self.dtype) for n in normalized]
        self.running_variances = [torch.ones(n, dtype=self.dtype) for n in normalized]
        self._statistics_seen = False

    def _constant(self, value: float, n: int) -> Tensor:
        return torch.full((n,), value, dtype=self.dtype, requires_grad=True)

    def _bias(self, n: int, deviation: float, generator: Generator) -> Tensor:
        """N(0, deviation²); nothing is drawn where that is 0."""
        if deviation == 0:
            return self._constant(0.0, n)
        values = torch.empty(n, dtype=torch.float64)
        values.normal_(0.0, deviation, generator=generator)
        return values.to(self.dtype).requires_grad_()

    @property
    def parameters(self) -> list[Tensor]:
        """All trained tensors: weights, biases, gains, shifts, each in the order of the layers."""
        biases = self.biases if self.run.train_biases else []
        return [*self.weights, *biases, *self.gains, *self.shifts]

    def forward(self, inputs: Tensor, mode: Mode = "train", trace: Trace | None = None) -> Tensor:
        """Logits (examples, classes) of inputs (examples, n_inputs); fills ``trace`` when given."""
        run = self.run
        a = inputs
        for index in range(run.depth - 1):
            z = u = linear(a, self.weights[index], self.biases[index])
            if run.normalization_position == "before_activation":
                u = self._normalize(z, index, mode)
            f = self.activation(u)
            if run.normalization_position == "after_activation":
                f = self._normalize(f, index, mode)
            a = a + run.residual_scale * f if run.residual and index > 0 else f
            if trace is not None:
                trace.pre_activations.append(z)
                trace.activation_inputs.append(u)
                trace.activations.append(a)
        logits = linear(a, self.weights[-1], self.biases[-1])
        if trace is not None:
            trace.pre_activations.append(logits)
            trace.activations.append(logits)
        if mode == "train":
            self._statistics_seen = True
        return logits

    def _normalize(self, x: Tensor, index: int, mode: Mode) -> Tensor:
        """N(x) of hidden layer ``index`` + 1; x is (examples, units)."""
        if self.run.normalization == "none":
            return x
        gain, shift = self.gains[index], self.shifts[index]
        if self.run.normalization == "layer_norm":
            return functional.layer_norm(x, x.shape[1:], gain, shift, EPSILON)
        if mode == "probe" or (mode == "evaluate" and not self._statistics_seen):
            return functional.batch_norm(x, None, None, gain, shift, training=True, eps=EPSILON)
        return functional.batch_norm(
            x,
            self.running_means[index],
            self.running_variances[index],
            gain,
            shift,
            training=mode == "train",
            # The first batch replaces the meaningless 0 and 1 that the statistics are made with.
            momentum=RUNNING_MOMENTUM if self._statistics_seen else 1.0,
            eps=EPSILON,
        )
