"""What the recurrent tables say: how much of a signal is left, when a loss spikes, who learnt."""

from typing import Any

import numpy as np
from pandas import DataFrame, Series

from gradient_atlas.measures.runs import diverged, where
from gradient_atlas.runs.recurrent import bias_text

# A spike is a step whose loss is above so many times the median of up to so many losses before it.
# Fresh batches of the adding problem differ by less than a factor 3 from that median.
SPIKE_FACTOR = 10.0
SPIKE_WINDOW = 50
# A seed has learnt if its last losses are, in the median, below this share of what a network
# without memory is left with: the sum of both numbers is then known better than either alone is.
LEARNT_SHARE = 0.5
LEARNT_WINDOW = 20

# What a signal before training depends on, and what tells training runs apart.
START = (
    "cell",
    "sequence_length",
    "hidden_size",
    "recurrent_initialization",
    "recurrent_scale",
    "gate_bias",
)
TRAINING = (*START, "optimizer", "learning_rate", "clip_norm", "batch_size", "steps")


def with_bias_text(table: DataFrame) -> DataFrame:
    """The table with ``gate_bias`` as text, None of a cell without a gate, and each run once.

    As it is stored a number and ``chrono`` share the column, which neither groups nor compares. Two
    variants may be one run under two names, whose seeds count once.
    """
    biases = [None if _missing(bias) else bias_text(bias) for bias in table.gate_bias]
    texts = table.assign(gate_bias=Series(biases, index=table.index, dtype=object))
    return texts.drop_duplicates([name for name in texts.columns if name != "variant"])


def kinds(table: DataFrame, parameters: tuple[str, ...]) -> list[DataFrame]:
    """The rows of each different combination of these parameters, in the order of the table.

    Where several runs share a combination, the rows are those of the first.
    """
    found: list[DataFrame] = []
    for _, rows in table.groupby(list(parameters), sort=False, dropna=False):
        apart = (*TRAINING, "probe_examples", "variant")
        others = [key for key in apart if key in rows and key not in parameters]
        first = {key: _value(rows[key].iloc[0]) for key in others}
        found.append(where(rows, **first))
    return found


def like(table: DataFrame, run: Series, parameters: tuple[str, ...]) -> DataFrame:
    """Rows of the table whose parameters are those of the run (any row of it)."""
    return where(table, **{key: _value(run[key]) for key in parameters})


def seeds_as_columns(rows: DataFrame, index: str, values: str) -> DataFrame:
    """One column a seed."""
    return rows.pivot(index=index, columns="seed", values=values)


def at_start(signals: DataFrame) -> DataFrame:
    """Rows before training."""
    return signals[signals["step"] == 0]


def at_end(signals: DataFrame) -> DataFrame:
    """Rows after training."""
    return signals[signals["step"] > 0]


def kept_decades(signals: DataFrame) -> list[float]:
    """log10 of the error signal at the largest lag over that at lag 1, one value a seed.

    signals: rows of one run at one step of training. -inf where nothing is left.
    """
    if signals.empty:
        return []
    norm = seeds_as_columns(signals, "lag", "error_signal_norm")
    with np.errstate(divide="ignore"):
        return [float(value) for value in np.log10(norm.loc[norm.index.max()] / norm.loc[1])]


def factor_per_step(decades: list[float], signals: DataFrame) -> float:
    """Geometric mean factor of a step back in time, lag 1 to the largest, of ``kept_decades``."""
    return float(10 ** (np.mean(decades) / max(1, signals.lag.max() - 1)))


def predicted_factor(theory: DataFrame) -> float:
    """The same of a prediction's rows; nan without any."""
    factors = theory.factor[theory.lag > 1]
    return float(np.exp(np.log(factors).mean())) if len(factors) else np.nan


def spikes(losses: DataFrame) -> list[float]:
    """How often the loss of each seed rises into a spike; losses: rows of one run.

    A loss that stays up counts once; one that is not finite is a spike.
    """
    counts = []
    for _, rows in losses.groupby("seed"):
        above = _rises(rows) > SPIKE_FACTOR
        counts.append(float((above & ~above.shift(1, fill_value=False)).sum()))
    return counts


def largest_rises(losses: DataFrame) -> list[float]:
    """The largest loss of each seed over the median of those before it; inf if it diverged."""
    return [float(_rises(rows).max()) for _, rows in losses.groupby("seed")]


def final_losses(losses: DataFrame) -> Series:
    """By seed, the median of the last losses of one run; inf of a seed that diverged."""
    last = losses.sort_values("step").groupby("seed").tail(LEARNT_WINDOW)
    ends = last.groupby("seed").train_loss.median()
    return ends.mask(np.array(diverged(losses), dtype=bool), np.inf)


def learnt_seeds(losses: DataFrame, theory: DataFrame) -> list[int]:
    """Seeds of one run that have learnt to remember (see ``LEARNT_SHARE``)."""
    if losses.empty or theory.empty:
        return []
    ends = final_losses(losses)
    limit = LEARNT_SHARE * theory.loss_without_memory.iloc[0]
    return [int(seed) for seed in ends.index[ends < limit]]


def _rises(rows: DataFrame) -> Series:
    """Each loss of one seed over the median of up to ``SPIKE_WINDOW`` before; nan for the first."""
    loss = rows.sort_values("step").train_loss.fillna(np.inf)
    return loss / loss.rolling(SPIKE_WINDOW, min_periods=1).median().shift(1)


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def _value(value: Any) -> Any:
    """A cell of a table as ``where`` takes it."""
    if _missing(value):
        return None
    return value.item() if isinstance(value, np.generic) else value
