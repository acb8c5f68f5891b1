"""A multilayer perceptron and its training run: every choice that changes a number of theirs."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gradient_atlas.runs.parameters import above, at_least, check, chosen, parse, wrong

ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu", "gelu", "silu")
INITIALIZATIONS = ("standard", "xavier", "he", "orthogonal", "normal")


@dataclass(frozen=True, kw_only=True)
class Perceptron:
    """A multilayer perceptron: what ``networks.feedforward.FeedForward`` is made by.

    Attributes:
        depth: number of weight layers L, the output layer included.
        width: units of each of the L - 1 hidden layers.
        activation: one of ``ACTIVATIONS``, or ``package.module:callable``.
        initialization: one of ``INITIALIZATIONS``, or ``package.module:callable``.
        weight_std: standard deviation of the weights; for ``normal`` alone.
        bias_std: standard deviation of the biases; 0: they start at 0.
        normalization: ``none``, ``batch_norm`` or ``layer_norm`` in each hidden layer.
        normalization_position: ``before_activation`` or ``after_activation``.
        residual: hidden layers of equal width compute y = x + residual_scale * f(x).
        residual_scale: the factor of the branch f.
        train_biases: whether biases are trained, or stay at the 0 that they begin with.
        precision: ``float32`` or ``float64``.
    """

    depth: int = at_least(1, 50)
    width: int = at_least(1, 128)
    activation: str = chosen("relu", *ACTIVATIONS, or_own=True)
    initialization: str = chosen("he", *INITIALIZATIONS, or_own=True)
    weight_std: float | None = above(0, None)
    bias_std: float = at_least(0, 0.0)
    normalization: str = chosen("none", "none", "batch_norm", "layer_norm")
    normalization_position: str = chosen(
        "before_activation", "before_activation", "after_activation"
    )
    residual: bool = False
    residual_scale: float = at_least(0, 1.0)
    train_biases: bool = True
    precision: str = chosen("float32", "float32", "float64")

    def __post_init__(self) -> None:
        """Raise InputError for a value that cannot be computed with."""
        check(self)
        if (self.initialization == "normal") != (self.weight_std is not None):
            raise wrong(
                "weight_std", self.weight_std, "a number with initialization: normal, else left out"
            )


@dataclass(frozen=True)
class Run(Perceptron):
    """A perceptron and its training; the keys of a sweep in the config.

    Attributes:
        dataset: name of a data set, or the path of a ``.npz`` file.
        optimizer: ``sgd``, ``nesterov``, ``adam``, ``lars`` or ``lamb``.
        learning_rate: step size η.
        momentum: coefficient β of heavy ball or Nesterov; Adam and LAMB have their own.
        weight_decay: coefficient λ of the term λ W added to the gradient.
        clip_norm: threshold on the global gradient norm; None: no clipping.
        batch_size: examples in an update.
        epochs: passes over the training set; 0 measures the initialisation alone.
        max_steps: stop after so many updates; None: no such limit.
        training_examples: use the first so many training rows; None: all.
        evaluation_examples: training and test rows on which loss and accuracy are measured; 0: they
            are not, and NaN.
        probe_examples: rows of the fixed batch on which gradients are measured.
        dead_examples: training rows on which a unit must be off to count as dead or inactive; None:
            those of the probe.
        input_scale: factor of every standardised input.
    """

    dataset: str
    optimizer: str = chosen("sgd", "sgd", "nesterov", "adam", "lars", "lamb")
    learning_rate: float = at_least(0, 0.05)
    momentum: float = at_least(0, 0.0)
    weight_decay: float = at_least(0, 0.0)
    clip_norm: float | None = above(0, None)
    batch_size: int = at_least(1, 128)
    epochs: int = at_least(0, 10)
    max_steps: int | None = at_least(0, None)
    training_examples: int | None = at_least(1, None)
    evaluation_examples: int = at_least(0, 1000)
    probe_examples: int = at_least(1, 256)
    dead_examples: int | None = at_least(1, None)
    input_scale: float = above(0, 1.0)


def parse_run(parameters: Mapping[str, Any]) -> Run:
    """Return the run that these parameters describe; InputError as in ``parameters.parse``."""
    return parse(Run, parameters)


def format_run(run: Run) -> str:
    """Return the run as one line of JSON; ``parse_run(json.loads(...))`` gives it back."""
    return json.dumps(dataclasses.asdict(run), sort_keys=True)
