"""One recurrent run: every choice that changes a number in its tables."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gradient_atlas.errors import InputError
from gradient_atlas.runs.parameters import above, at_least, check, chosen, parse, wrong

CELLS = ("rnn", "lstm", "gru")
RECURRENT_INITIALIZATIONS = ("standard", "normal", "orthogonal")


@dataclass(frozen=True)
class RecurrentRun:
    """A cell, its initialisation and its training on the adding problem.

    Attributes:
        cell: one of ``CELLS``.
        sequence_length: time steps T; lags run from 0 to T - 1.
        hidden_size: units n.
        recurrent_initialization: one of ``RECURRENT_INITIALIZATIONS``.
        recurrent_scale: factor g of the recurrent weights.
        gate_bias: bias of the gate that keeps the state, a number or ``chrono``; None for ``rnn``.
        optimizer: ``sgd`` or ``adam``.
        learning_rate: step size.
        clip_norm: threshold on the global gradient norm; None: no clipping.
        batch_size: new sequences in an update.
        steps: updates; 0 measures the initialisation alone.
        probe_examples: sequences of the fixed batch on which signals are measured.
    """

    cell: str = chosen("rnn", *CELLS)
    sequence_length: int = at_least(2, 101)
    hidden_size: int = at_least(1, 32)
    recurrent_initialization: str = chosen("standard", *RECURRENT_INITIALIZATIONS)
    recurrent_scale: float = above(0, 1.0)
    gate_bias: float | str | None = None
    optimizer: str = chosen("sgd", "sgd", "adam")
    learning_rate: float = above(0, 0.01)
    clip_norm: float | None = above(0, None)
    batch_size: int = at_least(1, 32)
    steps: int = at_least(0, 0)
    probe_examples: int = at_least(1, 64)

    def __post_init__(self) -> None:
        """Raise InputError for a value that cannot be trained with."""
        check(self)
        bias = self.gate_bias
        if self.cell == "rnn" and bias is not None:
            raise InputError("gate_bias: an rnn has no gate; leave it out")
        number = isinstance(bias, int | float) and math.isfinite(bias)
        if self.cell != "rnn" and bias != "chrono" and not number:
            raise wrong("gate_bias", bias, "a number or chrono")


def parse_recurrent_run(parameters: Mapping[str, Any]) -> RecurrentRun:
    """Return the run that these parameters describe; InputError as in ``parameters.parse``."""
    return parse(RecurrentRun, parameters)


def bias_text(bias: float | str) -> str:
    """A gate's bias as the tables of theory and the figures say it: ``0``, ``1.5``, ``chrono``."""
    return bias if isinstance(bias, str) else f"{bias:g}"
