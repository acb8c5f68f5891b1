"""How recurrent networks are called and drawn, and how their losses are."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from pandas import DataFrame, Series

from gradient_atlas.drawing.style import OTHER_LOOKS
from gradient_atlas.measures.recurrent import seeds_as_columns
from gradient_atlas.measures.runs import last_rows
from gradient_atlas.runs.names import name_of

# The line says which network it is, in every panel; colours are handed out in order.
_SYMBOLS = {
    "sequence_length": "T",
    "hidden_size": "n",
    "learning_rate": r"\eta",
    "batch_size": "B",
    "steps": "k",
}


def weights_label(run: Series) -> str:
    """The recurrent weights of a plain network: ``$g = 2$``, or how they are drawn."""
    scale = f"$g = {run.recurrent_scale:g}$"
    if run.recurrent_initialization == "orthogonal":
        return scale
    name = name_of(run.recurrent_initialization)
    return name if run.recurrent_scale == 1 else f"{name}, {scale}"


def gate_label(run: Series) -> str:
    """The bias of the gate that remembers: ``$b = 1$`` or ``chrono``."""
    return "chrono" if run.gate_bias == "chrono" else f"$b = {run.gate_bias}$"


def cell_label(run: Series) -> str:
    """Cell with its gate's bias, or with its weights where it has no gate."""
    return f"{name_of(run.cell)}, {weights_label(run) if run.cell == 'rnn' else gate_label(run)}"


def descent_label(run: Series) -> str:
    """A plain network's weights, and the threshold that its gradient is clipped at."""
    return weights_label(run) + (", clipped" if is_clipped(run) else "")


def is_clipped(run: Series) -> bool:
    """Whether the run has a threshold, which may be null."""
    return run.clip_norm is not None and bool(np.isfinite(run.clip_norm))


def told_apart(labels: list[str], runs: list[Series]) -> list[str]:
    """Labels that occur once: those that do not are given what else varies among the runs."""
    varying = [key for key in _SYMBOLS if len({run[key] for run in runs}) > 1]
    found = []
    for label, run in zip(labels, runs, strict=True):
        more = "".join(f", ${_SYMBOLS[key]} = {run[key]:g}$" for key in varying)
        found.append(label + more if labels.count(label) > 1 else label)
    return found


def look(position: int) -> dict[str, Any]:
    """Colour, line style and marker of the line at this position of a panel."""
    return dict(OTHER_LOOKS[position % len(OTHER_LOOKS)])


def draw_descent(axes: Axes, runs: list[DataFrame], labels: list[str], largest: float) -> None:
    """A thin line a seed, a cross at the top where it diverges; no higher than ``largest``."""
    axes.set(xscale="log", yscale="log")
    for position, (rows, label) in enumerate(zip(runs, labels, strict=True)):
        line = look(position) | {"marker": "None", "linewidth": 0.8, "alpha": 0.9}
        loss = seeds_as_columns(rows, "step", "train_loss")
        for number, seed in enumerate(loss):
            shown = loss[seed][np.isfinite(loss[seed])]
            axes.plot(shown.index + 1, shown, label=label if number == 0 else "_", **line)
        ends = last_rows(rows).query("status == 'diverged'")
        top = {"transform": axes.get_xaxis_transform(), "color": line["color"]}
        axes.plot(ends.step + 1, [0.97] * len(ends), "x", **top)
    axes.set_ylim(top=largest)
