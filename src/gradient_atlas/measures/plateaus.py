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
_RUN = ["learning_rate", "seed"]  # of one network


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
    return _largest(_largest(rows, "depth"), "width")


def _largest(rows: DataFrame, parameter: str) -> DataFrame:
    """Rows with the largest value; of a large sweep that has one value, no copy."""
    largest = rows[parameter] == rows[parameter].max()
    return rows if largest.all() else rows[largest]


def rates_of(rows: DataFrame) -> list[float]:
    """The learning rates of these rows, in order."""
    return sorted(float(rate) for rate in rows["learning_rate"].unique())


def at_rate(rows: DataFrame, rate: float) -> DataFrame:
    """Rows at one rate."""
    return where(rows, learning_rate=rate)


def end_losses(metrics: DataFrame) -> Series:
    """By rate and seed, the mean loss over the last epochs of a run; inf for a diverged one."""
    ends = epoch_ends(metrics)
    last = ends["epoch"] > ends[_RUN[0]].map(_epochs(metrics)) - LAST_EPOCHS
    loss = ends[last].groupby(_RUN)["train_loss"].mean()
    lost = (metrics["status"] == "diverged").groupby([metrics[key] for key in _RUN]).any()
    return loss.reindex(lost.index).where(~lost, np.inf)


def drops(metrics: DataFrame) -> Series:
    """By rate and seed, how much of the loss after ``FEW_EPOCHS`` is gone in the end.

    nan where the run is too short to say, or its loss was not evaluated; -inf of one that diverges,
    whose loss ends above any.
    """
    ends = epoch_ends(metrics)
    after = ends[ends["epoch"] == FEW_EPOCHS].groupby(_RUN)["train_loss"].mean()
    end = end_losses(metrics)
    epochs = _epochs(metrics).reindex(end.index.get_level_values(_RUN[0])).to_numpy()
    found = (1 - end / after.reindex(end.index)).where(epochs >= FEW_EPOCHS + LAST_EPOCHS)
    return found.where(end != np.inf, -np.inf)


def end_loss(metrics: DataFrame) -> Series:
    """``end_losses`` of one run, by seed."""
    return end_losses(metrics).droplevel(_RUN[0])


def drop(metrics: DataFrame) -> Series:
    """``drops`` of one run, by seed."""
    return drops(metrics).droplevel(_RUN[0]) if len(metrics) else Series(dtype=float)


def best_rate(metrics: DataFrame) -> float:
    """The rate with the lowest loss in the end, mean over seeds; nan without runs.

    No network stands at a rate that only suits another.
    """
    ends = dict(means_of_rates(end_losses(metrics))) if len(metrics) else {}
    return min(ends, key=lambda rate: ends[rate]) if ends else np.nan


def means_of_rates(values: Series) -> list[tuple[float, float]]:
    """Each rate with the mean over its seeds, of what is given by rate and seed."""
    return [(float(rate), of.mean()) for rate, of in values.groupby(level=_RUN[0])]


def _epochs(metrics: DataFrame) -> Series:
    """By rate, where its longest run ends."""
    return metrics.groupby(_RUN[0])["epoch"].max()


def best_run(metrics: DataFrame) -> DataFrame:
    """Rows at the best rate."""
    return at_rate(metrics, best_rate(metrics)) if len(metrics) else metrics


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
