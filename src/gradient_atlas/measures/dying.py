"""Units that are off for every example: how many, how many more than before, and which rates."""

import numpy as np
from pandas import DataFrame, Series

from gradient_atlas.measures.runs import where

ACTIVATIONS = ("relu", "leaky_relu")


def rates(tables: dict[str, DataFrame]) -> list[float]:
    """The learning rates of the sweep, in order."""
    return sorted(float(rate) for rate in tables["gradients"]["learning_rate"].unique())


def activations(tables: dict[str, DataFrame]) -> list[str]:
    """Those of ``ACTIVATIONS`` that the sweep has."""
    return [name for name in ACTIVATIONS if name in set(tables["gradients"]["activation"])]


def hidden(tables: dict[str, DataFrame], activation: str, rate: float) -> DataFrame:
    """Rows of the hidden layers at one rate."""
    rows = where(tables["gradients"], activation=activation, learning_rate=rate)
    return rows[rows["layer"] < rows["depth"]]


def shares(tables: dict[str, DataFrame], activation: str, rate: float, column: str) -> DataFrame:
    """By seed the mean of ``column`` over hidden layers: start, highest, end (of survivors).

    A diverged seed's highest and end are nan: its units are beyond float's range, not alive.
    """
    rows = hidden(tables, activation, rate)
    if rows.empty:
        return DataFrame(columns=["start", "highest", "end"], dtype=float)
    means = (
        rows.groupby(["seed", "step"])[column]
        .agg(lambda values: values.mean(skipna=False))
        .unstack("step")
    )
    metrics = where(tables["metrics"], activation=activation, learning_rate=rate)
    diverged = metrics[metrics["status"] == "diverged"]["seed"].unique()
    lives = ~means.index.isin(diverged)
    return DataFrame(
        {
            "start": means.iloc[:, 0],
            "highest": means.max(axis=1).where(lives),
            "end": means.iloc[:, -1].where(lives),
        }
    )


def deaths(
    tables: dict[str, DataFrame], activation: str, rate: float, column: str = "dead_fraction"
) -> Series:
    """By seed the share of hidden units that are known to have died (``column``) in training.

    Distinct units and not deaths, nor their stock: of each layer the largest rise of the share over
    an earlier logged step, since so many units must have changed; one that comes and goes counts
    once. Units that die while as many revive are not seen: the number is a lower bound. nan for a
    diverged seed.
    """
    rows = hidden(tables, activation, rate)
    if rows.empty:
        return Series(dtype=float)
    table = rows.pivot_table(index=["seed", "layer"], columns="step", values=column)
    risen = (table - table.cummin(axis=1)).max(axis=1)
    found = risen.groupby("seed").mean()
    metrics = where(tables["metrics"], activation=activation, learning_rate=rate)
    diverged = metrics[metrics["status"] == "diverged"]["seed"].unique()
    return found.where(~found.index.isin(diverged), np.nan)


def examples_of(rows: DataFrame) -> tuple[int, str]:
    """On how many examples a unit must be off, and what they are."""
    run = rows.iloc[0]
    asked = run.get("dead_examples")
    if asked is None or asked != asked:
        return int(run["probe_examples"]), "probe examples"
    there = run.get("training_examples")
    there = run.get("training_rows") if there is None or there != there else there
    least = asked if there is None or there != there else min(asked, there)
    return int(least), "training examples"
