"""Whether a training loss stays on a plateau, at the best of the rates that were tried."""

import numpy as np
from pandas import DataFrame, Series

from gradient_atlas.measures.layers import (
    ERROR,
    STABLE_DECADES,
    at_initialization,
    input_over_output,
)
from gradient_atlas.measures.runs import epoch_ends, where

FEW_EPOCHS = 3
LAST_EPOCHS = 3  # the loss of single epochs jumps: the end is the mean over so many
PLATEAU = 0.05
MEANINGFUL = 0.10
GUESSES = 0.9  # of the loss of one who guesses: who keeps so much has learned next to nothing
# Which initialisation is recommended for which activation (V section 5.4); the other is standard.
RECOMMENDED = {"sigmoid": "xavier", "tanh": "xavier", "relu": "he"}
SETTINGS = ("standard", "recommended")


def initialization_of(activation: str, setting: str) -> str:
    """The initialisation that a setting means for an activation."""
    return "standard" if setting == "standard" else RECOMMENDED[activation]


def runs_of(table: DataFrame, activation: str, setting: str) -> DataFrame:
    """Rows of one activation and setting at every rate; empty if the config has none."""
    kind = {"activation": activation, "initialization": initialization_of(activation, setting)}
    rows = where(table, **kind)
    if rows.empty:
        return rows
    # Of several networks the deepest and widest, at all its rates.
    rows = rows[rows["depth"] == rows["depth"].max()]
    return rows[rows["width"] == rows["width"].max()]


def rates_of(rows: DataFrame) -> list[float]:
    """The learning rates of these rows, in order."""
    return sorted(float(rate) for rate in rows["learning_rate"].unique())


def at_rate(rows: DataFrame, rate: float) -> DataFrame:
    """Rows at one rate."""
    return where(rows, learning_rate=rate)


def end_loss(metrics: DataFrame) -> Series:
    """By seed, the mean loss over the last epochs of one run; inf for a diverged one."""
    ends = epoch_ends(metrics)
    last = ends["epoch"] > metrics["epoch"].max() - LAST_EPOCHS
    loss = ends[last].groupby("seed")["train_loss"].mean()
    diverged = metrics[metrics["status"] == "diverged"]["seed"].unique()
    loss = loss.reindex(sorted(metrics["seed"].unique()))
    return loss.where(~loss.index.isin(diverged), np.inf)


def best_rate(metrics: DataFrame) -> float:
    """The rate with the lowest loss in the end, mean over seeds; nan without runs.

    No network stands at a rate that only suits another.
    """
    ends = {rate: end_loss(at_rate(metrics, rate)).mean() for rate in rates_of(metrics)}
    return min(ends, key=lambda rate: ends[rate]) if ends else np.nan


def best_run(metrics: DataFrame) -> DataFrame:
    """Rows at the best rate."""
    return at_rate(metrics, best_rate(metrics)) if len(metrics) else metrics


def drop(metrics: DataFrame) -> Series:
    """By seed of one run, how much of the loss after ``FEW_EPOCHS`` is gone in the end.

    nan where the run is too short to say; -inf of one that diverges, whose loss ends above any.
    """
    if metrics.empty:
        return Series(dtype=float)
    ends = epoch_ends(metrics)
    after = ends[ends["epoch"] == FEW_EPOCHS].groupby("seed")["train_loss"].mean()
    end = end_loss(metrics)
    found = 1 - end / after.reindex(end.index)
    if metrics["epoch"].max() < FEW_EPOCHS + LAST_EPOCHS:
        found[:] = np.nan
    return found.where(np.isfinite(end), -np.inf)


def guessing(metrics: DataFrame) -> float:
    """Loss in nats of one who gives every class the same probability; nan without runs."""
    classes = metrics["classes"].dropna() if "classes" in metrics else Series(dtype=float)
    return float(np.log(classes.max())) if len(classes) else np.nan


def share_of_guessing(metrics: DataFrame) -> Series:
    """By seed of one run, the loss in the end over that of guessing; inf of a diverged one."""
    return end_loss(metrics) / guessing(metrics) if len(metrics) else Series(dtype=float)


def alarms(gradients: DataFrame, column: str = ERROR) -> Series:
    """By seed of one run, whether a monitor of ``column`` calls the alarm before the first update.

    Alarm: input and output differ by more than ``STABLE_DECADES``, or a norm is 0 or infinite.
    """
    rows = at_initialization(gradients)
    found = {
        seed: not abs(input_over_output(one, column)) <= STABLE_DECADES
        for seed, one in rows.groupby("seed")
    }
    return Series(found, dtype=object)
