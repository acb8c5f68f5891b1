"""The multilayer perceptron as a ``torch.nn.Module``, written so that every layer can be watched.

Layer l = 1..L (L weight layers, the output layer included, l = 1 nearest the input) computes

    z^(l) = W^(l) a^(l-1) + b^(l),        a^(0) = inputs,        logits = z^(L),

and hidden layers go on to a^(l) = φ(N(z^(l))), or N(φ(z^(l))) when N comes after the activation.
N is nothing, batch normalisation (Ioffe, Szegedy, 2015, algorithm 1) or layer normalisation (Ba,
Kiros, Hinton, 2016, equation 4), with a learnable gain and shift for each unit. With residual
connections (He et al., 2016, equation 1) the hidden layers l = 2..L-1, which have equal width,
compute a^(l) = a^(l-1) + s f(a^(l-1)), where f is all of the above and s is ``residual_scale``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise, repeat
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from gradient_atlas.networks.activations import get_activation
from gradient_atlas.networks.initialization import get_initialization
from gradient_atlas.networks.layers import Linear
from gradient_atlas.runs.feedforward import Perceptron

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


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation that can use a batch's moments without keeping them."""

    def forward(
        self, x: Tensor, mode: Mode = "train", momentum: float = RUNNING_MOMENTUM
    ) -> Tensor:
        """N(x) of x (examples, units); ``momentum`` is the share of this batch in what is kept."""
        own, kept = self._parameters, self._buffers
        mean, variance = kept["running_mean"], kept["running_var"]
        return functional.batch_norm(
            x,
            None if mode == "probe" else mean,
            None if mode == "probe" else variance,
            own["weight"],
            own["bias"],
            training=mode != "evaluate",
            momentum=momentum,
            eps=EPSILON,
        )


class FeedForward(nn.Module):
    """The perceptron that ``runs.feedforward.Perceptron`` describes.

    ``layers[l-1]`` holds W^(l), of shape (n_out, n_in), and b^(l), which starts at 0, or with
    ``bias_std`` at normal values drawn after all weights, so that the weights of a seed stay.
    ``normalizations`` holds gains (start at 1) and shifts (start at 0) of the hidden layers and is
    empty without one. Weights are drawn in float64 and then rounded to the run's precision, so that
    a float32 and a float64 run start at the same network.
    """

    statistics_seen: Tensor

    def __init__(
        self, run: Perceptron, n_inputs: int, n_classes: int, generator: Generator
    ) -> None:
        """Draw the initial weights.

        Raises ``InputError`` for an unknown activation or initialisation.
        """
        super().__init__()
        self.run = run
        self.activation = get_activation(run.activation)
        fill = get_initialization(run.initialization, run.weight_std)
        dtype = PRECISIONS[run.precision]
        sizes = [n_inputs, *[run.width] * (run.depth - 1), n_classes]
        weights = [torch.empty(n_out, n_in, dtype=torch.float64) for n_in, n_out in pairwise(sizes)]
        for weight in weights:
            fill(weight, generator)
        biases = [torch.zeros(n, dtype=torch.float64) for n in sizes[1:]]
        if run.bias_std:
            for bias in biases:
                bias.normal_(0.0, run.bias_std, generator=generator)
        self.layers = nn.ModuleList(
            Linear.holding(weight.to(dtype), bias.to(dtype))
            for weight, bias in zip(weights, biases, strict=True)
        )
        for bias in self.biases:
            bias.requires_grad_(run.train_biases)
        normalization = {"batch_norm": BatchNorm, "layer_norm": nn.LayerNorm, "none": None}
        kind: Any = normalization[run.normalization]
        self.normalizations = nn.ModuleList(
            kind(n, eps=EPSILON, dtype=dtype) for n in (sizes[1:-1] if kind else [])
        )
        # Whether running statistics are more than the 0 and 1 that they are made with.
        self.register_buffer("statistics_seen", torch.zeros((), dtype=torch.bool))

    @property
    def weights(self) -> list[Tensor]:
        """W^(l) of every layer."""
        return _each(self.layers, "weight")

    @property
    def biases(self) -> list[Tensor]:
        """b^(l) of every layer."""
        return _each(self.layers, "bias")

    @property
    def gains(self) -> list[Tensor]:
        """The factors of every normalisation, (units,)."""
        return _each(self.normalizations, "weight")

    @property
    def shifts(self) -> list[Tensor]:
        """What every normalisation adds, (units,)."""
        return _each(self.normalizations, "bias")

    @property
    def trained_parameters(self) -> list[Tensor]:
        """All trained tensors: weights, biases, gains, shifts, each in the order of the layers."""
        every = [*self.weights, *self.biases, *self.gains, *self.shifts]
        return [tensor for tensor in every if tensor.requires_grad]

    def forward(
        self, inputs: Tensor, mode: Mode | None = None, trace: Trace | None = None
    ) -> Tensor:
        """Logits (examples, classes) of inputs (examples, ...), n_inputs numbers an example.

        ``mode`` None is ``train`` or ``evaluate``, as the module is told to be; ``trace`` is filled
        when given.
        """
        run, phi, scale = self.run, self.activation, self.run.residual_scale
        mode = mode or ("train" if self.training else "evaluate")
        normalized, how = run.normalization != "none", self.statistics(mode)
        before = normalized and run.normalization_position == "before_activation"
        after = normalized and not before
        residual = False  # of the first layer, whose input has another width
        *hidden, last = self.layers
        normalizations: Iterable[Any] = self.normalizations if normalized else repeat(None)
        a = inputs.flatten(1)
        for layer, normal in zip(hidden, normalizations, strict=False):
            z = u = layer(a)
            if before:
                u = normal(z, *how)
            f = phi(u)
            if after:
                f = normal(f, *how)
            a = a + scale * f if residual else f
            residual = run.residual
            if trace is not None:
                trace.pre_activations.append(z)
                trace.activation_inputs.append(u)
                trace.activations.append(a)
        logits: Tensor = last(a)
        if trace is not None:
            trace.pre_activations.append(logits)
            trace.activations.append(logits)
        return logits

    def statistics(self, mode: Mode) -> tuple[Any, ...]:
        """What batch normalisation is told; the first batch replaces its meaningless 0 and 1."""
        if self.run.normalization != "batch_norm":
            return ()
        seen = bool(self.statistics_seen)
        if mode == "train":
            self.statistics_seen.fill_(True)
        elif not seen:
            mode = "probe"
        return mode, RUNNING_MOMENTUM if seen else 1.0


def _each(modules: Iterable[nn.Module], name: str) -> list[Tensor]:
    return [getattr(module, name) for module in modules]
