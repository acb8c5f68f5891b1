"""Error signals of recurrent cells back through time, and what training makes of them."""

from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame, Series

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import rate_number
from gradient_atlas.drawing.looks.recurrent import (
    cell_label,
    descent_label,
    draw_descent,
    gate_label,
    is_clipped,
    look,
    told_apart,
    weights_label,
)
from gradient_atlas.drawing.panels import only
from gradient_atlas.drawing.style import THEORY, Style, band, label_panels
from gradient_atlas.measures.recurrent import (
    LEARNT_SHARE,
    START,
    TRAINING,
    at_end,
    at_start,
    kept_decades,
    kinds,
    learnt_seeds,
    like,
    seeds_as_columns,
    with_bias_text,
)
from gradient_atlas.measures.runs import diverged, where

TABLES = {
    "signals": "training/recurrent/signals",
    "losses": "training/recurrent/losses",
    "theory": "theory/recurrent",
}

LEGEND: dict[str, Any] = {
    "borderpad": 0.1,
    "labelspacing": 0.1,
    "handlelength": 2.0,
    "handletextpad": 0.5,
}
MEDIAN_OVER = 20  # steps: a fresh batch a step makes single losses noisy
LARGEST_LOSS_SHOWN = 1e9
FAINTEST_SHOWN = 1e-40
Label = Callable[[Series], str]
LABELS: dict[str, Label] = {"rnn": weights_label, "lstm": gate_label, "gru": gate_label}


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: three cells at initialisation, all after training, and both kinds of training."""
    figure, axes = style.new_figure(6, columns=3, panel_height=1.9)
    plain, lstm, gru, trained, adam, descent = axes
    signals, losses = with_bias_text(tables["signals"]), with_bias_text(tables["losses"])
    for cell, axes_of_cell in (("rnn", plain), ("lstm", lstm), ("gru", gru)):
        of_cell = kinds(at_start(where(signals, cell=cell)), START)
        names = _labels(of_cell, LABELS[cell])
        _draw_signals(axes_of_cell, of_cell, names, tables["theory"])
    adaptive = kinds(at_end(where(signals, optimizer="adam")), TRAINING)
    learnt = [_of_learnt(rows, losses, tables) for rows in adaptive]
    names = _labels(adaptive, cell_label)
    _draw_signals(trained, learnt, names, None)
    with_signals = (plain, lstm, gru)
    low = min([axes.get_ylim()[0] for axes in with_signals])
    high = max([axes.get_ylim()[1] for axes in with_signals])
    for same in with_signals:
        same.set(xlabel="lag $T - t$ (time steps)", ylim=(max(low, FAINTEST_SHOWN), high))
        same.yaxis.set_major_locator(mpl.ticker.LogLocator(numticks=6))
        same.yaxis.set_minor_locator(mpl.ticker.NullLocator())
    trained.set(xlabel="lag $T - t$ (time steps)")
    # What learnt keeps its signal: on the scale of the others all lines are one.
    bottom, top = np.log10(trained.get_ylim())
    trained.set_ylim(10.0 ** (top - 3.5 * (top - bottom)), 10.0**top)  # room for the names below
    for left in (plain, trained):
        left.set_ylabel(r"$\|\partial\ell/\partial h_t\|$ relative to $t = T$")
    _draw_medians(adam, [like(losses, rows.iloc[0], TRAINING) for rows in adaptive], names)
    runs = kinds(where(losses, optimizer="sgd"), TRAINING)
    draw_descent(descent, runs, _labels(runs, descent_label), LARGEST_LOSS_SHOWN)
    descent.set(xlabel="step + 1 (descent)")
    for axes_of_loss in (adam, descent):
        if len(tables["theory"]):
            least = tables["theory"].loss_without_memory.iloc[0]
            axes_of_loss.axhline(least, color="black", linewidth=0.6, linestyle=":")
    # The lines of Adam are named beside, where nothing lies in the way.
    _legend(descent, "right", handlelength=1.2, handletextpad=0.3, borderaxespad=0.0)
    titles = ["Plain RNN, initial", "LSTM, initial", "GRU, initial"]
    titles += ["After training, where learnt", "Loss (Adam)", "Loss (descent)"]
    label_panels(axes, titles)
    return figure


def _labels(runs: list[DataFrame], label: Label) -> list[str]:
    firsts = [rows.iloc[0] for rows in runs]
    return told_apart([label(run) for run in firsts], firsts)


def _of_learnt(rows: DataFrame, losses: DataFrame, tables: dict[str, DataFrame]) -> DataFrame:
    """The rows of those seeds of one run that have learnt."""
    run = rows.iloc[0]
    seeds = learnt_seeds(like(losses, run, TRAINING), tables["theory"])
    return rows[rows.seed.isin(seeds)]


def _draw_signals(
    axes: Axes, runs: list[DataFrame], names: list[str], theory: DataFrame | None
) -> None:
    """A line a run that has rows, a name for each; ``theory`` is drawn beside, where given."""
    axes.set_yscale("log")
    for position, (rows, name) in enumerate(zip(runs, names, strict=True)):
        if rows.empty:
            axes.plot([], [], label=name, **look(position))
            continue
        relative = seeds_as_columns(rows, "lag", "error_signal_norm")
        relative = relative / relative.loc[0]
        middle = np.exp(np.log(relative).mean(axis=1))
        low, high = relative.min(axis=1), relative.max(axis=1)
        band(axes, relative.index, middle, low, high, label=name, **look(position))
        if theory is not None:
            predicted = like(theory, rows.iloc[0], START)
            axes.plot(predicted.lag, predicted.predicted_signal, **THEORY)
    _legend(axes, "lower left", labelspacing=0.0)


def _draw_medians(axes: Axes, runs: list[DataFrame], names: list[str]) -> None:
    for position, (rows, name) in enumerate(zip(runs, names, strict=True)):
        loss = seeds_as_columns(rows, "step", "train_loss")
        loss = loss.rolling(MEDIAN_OVER, min_periods=1).median()
        middle = np.exp(np.log(loss).mean(axis=1))
        low, high = loss.min(axis=1), loss.max(axis=1)
        band(axes, loss.index, middle, low, high, label=name, **look(position))
    axes.set(xlabel="step (Adam)", yscale="log", ylabel="training loss")


def _legend(axes: Axes, place: Any, **spaces: float) -> None:
    """Name the lines inside the panel, whose size that must not change."""
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc=place, **(LEGEND | spaces)).set_in_layout(False)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """What each cell keeps over the largest lag, who learnt, and what clipping does."""
    signals, losses = with_bias_text(tables["signals"]), with_bias_text(tables["losses"])
    run = signals.iloc[0]
    numbers = {
        "length": Number(int(run.sequence_length)),
        "largest": Number(int(signals.lag.max())),
        "units": Number(int(run.hidden_size)),
        "seeds": Number(int(signals.seed.nunique())),
        "probe": Number(int(run.probe_examples)),
        "learnt": Number(100 * LEARNT_SHARE, unit=r"\%"),
    }
    initial = kinds(at_start(signals), START)
    kept = [(cell_label(rows.iloc[0]), _left(rows)) for rows in initial]
    text = (
        r"Error signals back through time. Adding problem over [[length]] time "
        r"steps, [[units]] hidden units, [[seeds]] seeds (line: geometric mean, band: range), root "
        r"mean square over [[probe]] sequences. "
        + only(
            "abc",
            r"(a)–(c) Before training; thin black: wide-network calculation without a fitted "
            r"number. ",
        )
        + _explained(signals)
        + only(
            "abc",
            r"Left at lag [[largest]] of the signal at lag 1: "
            rf"{_listed('start', kept, numbers)}. ",
        )
    )
    text += _trained(signals, losses, tables, numbers)
    return Caption(text + _descents(losses, numbers), numbers)


def _explained(signals: DataFrame) -> str:
    """What the panels' names mean, of those that the config has."""
    starts = set(signals[signals.cell == "rnn"].recurrent_initialization)
    said = [r"orthogonal times $g$"] if "orthogonal" in starts else []
    said += [r"standard, $U(\pm 1/\sqrt{n})$"] if "standard" in starts else []
    text = only("a", f"(a) Recurrent weights {' or '.join(said)}. ") if said else ""
    if set(signals.cell) - {"rnn"}:
        text += only(
            "bc",
            r"(b), (c) Bias $b$ on the forget or update gate: a factor of about $\sigma(b) + s$ a "
            r"step, $s$ the weights' share. ",
        )
    return text


def _listed(prefix: str, values: list[tuple[str, Number]], numbers: dict[str, Number]) -> str:
    """The values with their names as one clause; the numbers go into ``numbers``."""
    numbers |= {f"{prefix}_{place}": value for place, (_, value) in enumerate(values)}
    return ", ".join(f"[[{prefix}_{place}]] ({name})" for place, (name, _) in enumerate(values))


def _left(signals: DataFrame) -> Number:
    """Share of the signal at lag 1 that is left at the largest."""
    return Number(float(10 ** np.mean(kept_decades(signals))), digits=1)


def _trained(
    signals: DataFrame,
    losses: DataFrame,
    tables: dict[str, DataFrame],
    numbers: dict[str, Number],
) -> str:
    runs = kinds(at_end(where(signals, optimizer="adam")), TRAINING)
    if not runs:
        return only("de", "(d), (e) Nothing was trained with Adam. ")
    names = _labels(runs, cell_label)
    learnt = [_of_learnt(rows, losses, tables) for rows in runs]
    kept = [(name, _left(rows)) for name, rows in zip(names, learnt, strict=True) if len(rows)]
    none = [name for name, rows in zip(names, learnt, strict=True) if rows.empty]
    text = only("d", "(d) After Adam, the seeds that learnt. ") + only(
        "e",
        "(e) Loss with Adam, running medians of all seeds; dotted: that of a network without "
        "memory. ",
    )
    said = (
        "A seed has learnt whose loss fell below [[learnt]] of what a network without memory is "
        "left with. "
    )
    if kept:
        said += f"Left: {_listed('trained', kept, numbers)}. "
    return text + only("de", said + (f"No seed learnt: {'; '.join(none)}. " if none else ""))


def _descents(losses: DataFrame, numbers: dict[str, Number]) -> str:
    runs = kinds(where(losses, optimizer="sgd"), TRAINING)
    if not runs:
        return only("f", "(f) Nothing was trained by plain descent.")
    clauses = []
    for place, (rows, name) in enumerate(zip(runs, _labels(runs, descent_label), strict=True)):
        numbers |= {
            f"rate_{place}": rate_number(float(rows.learning_rate.iloc[0])),
            f"diverged_{place}": Number(int(sum(diverged(rows)))),
            f"runs_{place}": Number(int(rows.seed.nunique())),
        }
        at = f" at [[clip_{place}]]" if is_clipped(rows.iloc[0]) else ""
        if at:
            numbers[f"clip_{place}"] = rate_number(float(rows.clip_norm.iloc[0]))
        clauses.append(
            f"[[diverged_{place}]] of [[runs_{place}]] ({name}{at}, $\\eta = [[rate_{place}]]$)"
        )
    said = f"(f) Descent, a line a seed; crosses: diverged, {', '.join(clauses)}."
    return only("f", said)
