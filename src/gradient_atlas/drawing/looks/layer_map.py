"""Heat maps of layers against steps."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from pandas import DataFrame


def draw_layer_map(axes: Axes, table: DataFrame, **options: Any) -> QuadMesh:
    """Draw ``table`` (layers by steps): the output's layer on top, steps as log(1 + step).

    Cells without a finite value stay open and show a hatched ground. ``options`` go to pcolormesh.
    """
    steps, layers = table.columns.to_numpy(float), table.index.to_numpy(float)
    x = step_scale(steps)
    axes.patch.set(facecolor="white", hatch="xxxx", edgecolor="0.75", linewidth=0)
    mesh = axes.pcolormesh(
        borders(x),
        borders(layers),
        np.ma.masked_invalid(table.to_numpy(float)),
        rasterized=True,
        **options,
    )
    step_ticks(axes, steps.max())
    count = len(layers)
    axes.set_yticks(sorted({1, count} | set(range(10, count - 4, 10))))
    return mesh


def step_scale(steps: np.ndarray) -> np.ndarray:
    """Where updates stand: the first ones, in which most happens, far apart."""
    return np.asarray(np.log2(1 + steps))


def step_ticks(axes: Axes, last: float) -> None:
    """Label the scale of ``step_scale`` with updates."""
    shown = [step for step in (0, 1, 4, 16, 64, 256, 1024, 4096, 16384) if step <= last]
    axes.set_xticks(step_scale(np.array(shown)), [str(step) for step in shown])


def borders(centres: np.ndarray) -> np.ndarray:
    """Borders half way between neighbouring centres, the outer ones half a step further."""
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    first, last = 2 * centres[0] - middle[0], 2 * centres[-1] - middle[-1]
    return np.concatenate([[first], middle, [last]])
