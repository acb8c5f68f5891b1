"""How training runs went, read off the table ``metrics``; diverged runs are always among them."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from pandas import DataFrame, Series, to_numeric


def where(table: DataFrame, **parameters: object) -> DataFrame:
    """Rows of the runs that have these parameters, whatever the config calls them.

    A number is met within a relative 1e-9, None by a parameter that is null or missing. Empty where
    the config has no such run.
    """
    same = Series(True, index=table.index)
    for key, value in parameters.items():
        if key not in table:
            same &= value is None
        elif value is None:
            same &= table[key].isna()
        elif isinstance(value, float | int) and not isinstance(value, bool):
            numbers = to_numeric(table[key], errors="coerce").to_numpy(dtype=float)
            same &= np.isclose(numbers, value, rtol=1e-9, atol=0)
        else:
            same &= table[key] == value
    return table[same]


def by_seed(rows: DataFrame, measure: Callable[[DataFrame], float]) -> list[float]:
    """``measure`` of the rows of each seed, in order."""
    return [float(measure(one)) for _, one in rows.groupby("seed")]


def mean(values: Sequence[float]) -> float:
    """The mean over seeds; nan of none."""
    return float(np.mean(values)) if len(values) else np.nan


def last_rows(metrics: DataFrame) -> DataFrame:
    """The last logged row of each seed of one run, ordered by seed."""
    return metrics.sort_values(["seed", "step"], kind="stable").groupby("seed").tail(1)


def diverged(metrics: DataFrame) -> list[float]:
    """1 for a seed whose loss or gradient became inf or nan, 0 for one trained to the end."""
    return [float(status == "diverged") for status in last_rows(metrics)["status"]]


def diverged_runs(metrics: DataFrame, parameters: list[str]) -> tuple[int, int]:
    """How many runs (one a seed and combination of ``parameters``) diverged, of how many."""
    ends = metrics.sort_values("step").groupby([*parameters, "seed"], dropna=False)["status"].last()
    return int((ends == "diverged").sum()), len(ends)


def divergence_steps(metrics: DataFrame) -> list[int]:
    """Steps at which the diverged seeds stopped being finite, in the order of the seeds."""
    steps = last_rows(metrics)["first_nonfinite_step"].dropna()
    return [int(step) for step in steps]


def final_loss(metrics: DataFrame) -> list[float]:
    """Training loss of each seed after its last update in nats; inf where the run diverged.

    A diverged run's loss is often nan (inf minus inf), which is no missing measurement: it has left
    every bound.
    """
    last = last_rows(metrics)
    lost = (last["status"] == "diverged").to_numpy()
    return np.where(lost, np.inf, last["train_loss"].to_numpy(dtype=float)).tolist()


def guessing(table: DataFrame) -> float:
    """Loss in nats of one who gives each class of the data the same probability; nan of no row."""
    return math.log(table["classes"].iloc[0]) if len(table) else math.nan


def epoch_ends(metrics: DataFrame) -> DataFrame:
    """The rows at initialisation and at the ends of epochs, ``epoch`` made a whole number."""
    rounded = metrics["epoch"].round()
    return metrics[np.isclose(metrics["epoch"], rounded)].assign(epoch=rounded.astype(int))
