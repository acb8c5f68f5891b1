"""The data of a figure, taken from the drawing itself: what a reader would read off it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure


def drawn_data(figure: Figure) -> pd.DataFrame:
    """Return every point that the figure shows, taken from the drawing itself.

    Columns: panel (0 is the first), axes_title, kind (line, points, cell, band), label (as in the
    legend; empty where there is none), x, y, value (of a heat map's cell or a coloured point).
    """
    tables = []
    for panel, axes in enumerate(figure.axes):
        shared = {"panel": panel, "axes_title": axes.get_title(loc="left") or axes.get_title()}
        for line in axes.lines:
            points = np.column_stack([line.get_xdata(orig=False), line.get_ydata(orig=False)])
            tables.append(_drawn(shared, "line", line.get_label(), points))
        for artist in axes.collections:
            if isinstance(artist, PathCollection):
                offsets, value = np.asarray(artist.get_offsets()), artist.get_array()
                value = None if value is None or len(value) != len(offsets) else value
                tables.append(_drawn(shared, "points", artist.get_label(), offsets, value))
            elif isinstance(artist, QuadMesh):
                corners = np.asarray(artist.get_coordinates())
                centres = (corners[:-1, :-1] + corners[1:, 1:]) / 2
                values: Any = np.ma.asarray(artist.get_array(), dtype=float)
                cells: Any = np.ma.filled(values, np.nan)
                tables.append(_drawn(shared, "cell", "", centres.reshape(-1, 2), cells.reshape(-1)))
            elif not isinstance(artist, ContourSet) and hasattr(artist, "get_paths"):
                for path in artist.get_paths():
                    tables.append(_drawn(shared, "band", artist.get_label(), path.vertices))
    kept = [table for table in tables if len(table)]
    return pd.concat(kept, ignore_index=True) if kept else pd.DataFrame()


def _drawn(
    shared: Mapping[str, object], kind: str, label: object, points: Any, value: Any = None
) -> pd.DataFrame:
    points = np.asarray(points, dtype=float).reshape(-1, 2)
    text = "" if str(label).startswith("_") else str(label)
    return pd.DataFrame(
        {
            **shared,
            "kind": kind,
            "label": text,
            "x": points[:, 0],
            "y": points[:, 1],
            "value": np.full(len(points), np.nan) if value is None else np.asarray(value),
        },
        index=range(len(points)),
    )
