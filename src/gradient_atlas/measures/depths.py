"""Networks that differ in depth, in width or in the scale of their inputs."""

import numpy as np
from pandas import DataFrame, concat

from gradient_atlas.measures.layers import (
    WEIGHT,
    at_initialization,
    deepest,
    forward_drift,
    predicted_slope,
    prediction_of,
    select,
)
from gradient_atlas.measures.runs import where

NOTHING = -10.0  # log10 of the gradient that F example 1 calls "effectively zero"


def all_depths(tables: dict[str, DataFrame]) -> tuple[DataFrame, DataFrame]:
    """Sigmoid networks of every depth whose initialisation the depth series has, and theory.

    Of the sweep ``depth`` only what has the series' width and data set; of a depth that both have,
    the series' own.
    """
    series = at_initialization(tables["depths"])
    series = series[series.activation == "sigmoid"]
    theory = concat([tables["theory"], tables["deep_theory"]], ignore_index=True)
    theory = theory[theory.activation == "sigmoid"]
    if series.empty:
        return series, theory
    first = series.iloc[0]
    deep = at_initialization(tables["deep"])
    deep = where(deep, activation="sigmoid", dataset=first.dataset, width=first.width)
    kept = deep.initialization.isin(series.initialization) & ~deep.depth.isin(series.depth)
    return concat([series, deep[kept]], ignore_index=True), theory


def of_shared_seeds(rows: DataFrame) -> DataFrame:
    """Rows of the seeds that have a network of every depth."""
    depths = rows.groupby("seed")["depth"].nunique()
    return rows[rows["seed"].isin(depths.index[depths == rows["depth"].nunique()])]


def initializations(rows: DataFrame) -> list[str]:
    """Those of the rows, in their order."""
    return [str(name) for name in dict.fromkeys(rows.initialization)]


def widths(tables: dict[str, DataFrame]) -> list[tuple[int, DataFrame]]:
    """Each width of the width series, with the rows of its deepest network.

    With He weights where the series has them: they are the ones whose forward variance is judged.
    """
    rows = at_initialization(tables["widths"])
    if (rows.initialization == "he").any():
        rows = rows[rows.initialization == "he"]
    return [(int(width), deepest(one)) for width, one in rows.groupby("width")]  # type: ignore[arg-type]


def layers_in_theory(theory: DataFrame, rows: DataFrame) -> float:
    """Layers that lose ten decades at the predicted slope of the network of ``rows``."""
    return NOTHING / predicted_slope(prediction_of(theory, rows), WEIGHT)


def ratio_in_theory(tables: dict[str, DataFrame], rows: DataFrame) -> float:
    """Ratio of E[a²] from layer to layer of a typical network of this finite width."""
    return float(10 ** forward_drift(prediction_of(tables["width_theory"], rows)))


def scales(inputs: DataFrame) -> list[tuple[float, DataFrame]]:
    """ReLU networks with N(0, 1) weights by the factor of their inputs, which alone differs."""
    rows = select(inputs, "relu", "normal", 1.0)
    if rows.empty:
        return []
    rows = rows[(rows.depth == rows.depth.max()) & (rows.width == rows.width.max())]
    groups = rows.groupby("input_scale")
    return [(float(np.float64(scale)), one) for scale, one in groups]  # type: ignore[arg-type]
