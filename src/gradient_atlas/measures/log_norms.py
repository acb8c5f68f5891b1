"""How the logarithm of a squared norm spreads over random networks, read off the tables.

A network in which some layer has no unit that is on has no norm, and is left out.
"""

import numpy as np
import pandas as pd
from pandas import DataFrame

COLUMNS = ("log_gradient", "log_activation")


def known(rows: DataFrame) -> DataFrame:
    """The rows of networks all of whose norms are positive."""
    finite = np.isfinite(rows[list(COLUMNS)]).all(axis=1)
    whole = finite.groupby([rows.width, rows.seed, rows.network]).transform("all")
    return rows[whole]


def moments(rows: DataFrame, column: str) -> DataFrame:
    """By width and depth, over all networks: mean and variance of ``column``, and their errors.

    ``mean_error`` and ``variance_error`` are standard errors, the second as of a Gaussian.
    """
    groups = known(rows).groupby(["width", "depth"])[column]
    found = groups.agg(["mean", "var", "size"]).reset_index()
    return found.rename(columns={"var": "variance"}).assign(
        mean_error=np.sqrt(found["var"] / found["size"]),
        variance_error=found["var"] * np.sqrt(2 / (found["size"] - 1).clip(lower=1)),
        ratio=found.depth / found.width,
    )


def variance_per_ratio(rows: DataFrame, column: str) -> list[float]:
    """By seed, what a logarithm's variance gains between logged depths over the gain of L/n.

    rows: of one width. The mean over the steps from one logged depth to the next, the first from 0.
    Factors of different layers are independent, so that each step is a measurement of its own.
    """
    found = []
    for _, one in known(rows).groupby("seed"):
        table = one.pivot(index="network", columns="depth", values=column).sort_index(axis=1)
        if len(table) < 2:
            continue
        steps = table.diff(axis=1)
        steps.iloc[:, 0] = table.iloc[:, 0]
        ratios = pd.Series(table.columns).diff().fillna(table.columns[0]) / one.width.iloc[0]
        found.append(float(np.mean(steps.var(ddof=1).to_numpy() / ratios.to_numpy())))
    return found


def mean_per_ratio(rows: DataFrame, column: str) -> list[float]:
    """By seed, the mean of ``column`` at the largest depth over L/n, widths pooled."""
    deepest = known(rows)
    deepest = deepest[deepest.depth == deepest.depth.max()]
    found = []
    for _, one in deepest.groupby("seed"):
        means = one.groupby("width")[column].mean()
        found.append(float(means.sum() / (one.depth.iloc[0] / means.index.to_numpy()).sum()))
    return found
