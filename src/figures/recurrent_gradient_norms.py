"""Error signals of recurrent cells back through time, and what training makes of them."""

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame, Series

from gradient_atlas.claims.recurrent_gradient_norms import BIASES, claims
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.style import THEORY, Style, band, label_panels, look_of
from gradient_atlas.measures.layers import STABLE_DECADES
from gradient_atlas.measures.recurrent import (
    at_end,
    kept_decades,
    predicted_signal,
    seeds_as_columns,
)
from gradient_atlas.measures.runs import diverged, last_rows, of_variant

__all__ = ["TABLES", "caption", "claims", "draw"]

TABLES = {"signals": "training/recurrent/signals", "losses": "training/recurrent/losses"}

# What each panel shows: variants of the config with their labels.
PLAIN = {
    "rnn_above": "$g = 1.5$",
    "rnn_at": "$g = 1$",
    "rnn_standard": "standard",
    "rnn_below": "$g = 0.5$",
}
TRAINED = {
    "gru_chrono": "GRU chrono",
    "gru_bias_0": "GRU $b = 0$",
    "lstm_chrono": "LSTM chrono",
    "lstm_bias_0": "LSTM $b = 0$",
    "rnn_standard": "plain RNN",
}
# Each with its label and the place (step + 1, loss) that the label begins at, beside its lines.
DESCENT = {
    "rnn_above": ("$g = 1.5$", (40, 1e5)),
    "rnn_above_clipped": ("clipped", (40, 8)),
    "rnn_at": ("$g = 1$", (40, 0.018)),
}
# A network without memory predicts the mean 1 of the sum of two U(0, 1) and keeps its variance.
LOSS_WITHOUT_MEMORY = 1 / 6
# Two orders of magnitude below 1 a signal is no longer what the source calls stable.
KEPT = 10**-STABLE_DECADES
LEGEND = {"borderpad": 0.1, "labelspacing": 0.1, "handlelength": 2.0, "handletextpad": 0.5}


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: three cells at initialisation, all after training, and both kinds of training."""
    figure, axes = style.new_figure(6, columns=3, panel_height=1.9)
    plain, lstm, gru, trained, adam, descent = axes
    signals, losses = tables["signals"], tables["losses"]
    _draw_signals(plain, signals, PLAIN, initial=True)
    for cell, axes_of_cell in (("lstm", lstm), ("gru", gru)):
        variants = {f"{cell}_{bias}": label for bias, label in BIASES.items()}
        _draw_signals(axes_of_cell, signals, variants, initial=True)
    _draw_signals(trained, signals, TRAINED, initial=False)
    for same in (plain, lstm, gru, trained):
        same.set(xlabel="lag $T - t$ (time steps)", ylim=(1e-40, 1e7))
        same.set_yticks([1e-40, 1e-30, 1e-20, 1e-10, 1])
    for left in (plain, trained):
        left.set_ylabel(r"$\|\partial\ell/\partial h_t\|$ relative to $t = T$")
    _draw_medians(adam, losses)
    _draw_descent(descent, losses)
    titles = ["Plain RNN, initial", "LSTM, initial", "GRU, initial"]
    titles += ["After training", "Loss, cells as in (d)", "Loss, plain RNN"]
    label_panels(axes, titles)
    return figure


def _draw_signals(
    axes: Axes, signals: DataFrame, variants: dict[str, str], *, initial: bool
) -> None:
    axes.set_yscale("log")
    for position, (variant, label) in enumerate(variants.items()):
        rows = at_end(signals, variant, initial)
        if rows.empty:
            continue
        relative = seeds_as_columns(rows, "lag", "error_signal_norm")
        relative = relative / relative.loc[0]
        middle = np.exp(np.log(relative).mean(axis=1))
        low, high = relative.min(axis=1), relative.max(axis=1)
        look = look_of(variant, position)
        band(axes, relative.index, middle, low, high, label=label, **look)
        if initial:
            axes.plot(predicted_signal(rows.iloc[0]), **THEORY)
    axes.legend(loc="lower left", **LEGEND)


def _draw_medians(axes: Axes, losses: DataFrame) -> None:
    """Medians over 20 steps: a fresh batch a step makes single losses noisy."""
    for position, variant in enumerate(TRAINED):
        loss = seeds_as_columns(of_variant(losses, variant), "step", "train_loss")
        if loss.empty:
            continue
        loss = loss.rolling(20, min_periods=1).median()
        middle = np.exp(np.log(loss).mean(axis=1))
        look = look_of(variant, position)
        band(axes, loss.index, middle, loss.min(axis=1), loss.max(axis=1), **look)
    axes.axhline(LOSS_WITHOUT_MEMORY, color="black", linewidth=0.6, linestyle=":")
    axes.set(xlabel="step (Adam)", yscale="log", ylabel="training loss")


def _draw_descent(axes: Axes, losses: DataFrame) -> None:
    """A line a seed, a cross where it diverges."""
    for position, (variant, (label, place)) in enumerate(DESCENT.items()):
        rows = of_variant(losses, variant)
        look = look_of(variant, position) | {"marker": "None", "linewidth": 0.8, "alpha": 0.9}
        for _, one in rows.groupby("seed"):
            shown = one[np.isfinite(one.train_loss)]
            axes.plot(shown.step + 1, shown.train_loss, **look)
        axes.text(*place, label, color=look["color"], fontsize=mpl.rcParams["legend.fontsize"])
        ends = last_rows(rows).query("status == 'diverged'")
        top = {"transform": axes.get_xaxis_transform(), "color": look["color"]}
        axes.plot(ends.step + 1, [0.97] * len(ends), "x", **top)
    axes.axhline(LOSS_WITHOUT_MEMORY, color="black", linewidth=0.6, linestyle=":")
    axes.set(xlabel="step + 1 (descent)", xscale="log", yscale="log", ylim=(0.008, 1e9))


def caption(tables: dict[str, DataFrame]) -> Caption:
    """What each cell keeps over the largest lag, and what clipping does, from the tables."""
    signals, losses = tables["signals"], tables["losses"]
    run = signals.iloc[0]
    kept = {"standard": ("rnn_standard", True)}
    for cell in ("lstm", "gru"):
        kept |= {f"{cell}_{bias}": (f"{cell}_{bias}", True) for bias in BIASES}
        kept |= {f"{cell}_trained": (f"{cell}_bias_0", False)}
    left = {name: Number(_left(at_end(signals, *which)), digits=1) for name, which in kept.items()}
    adam, free, clipped = (
        of_variant(losses, name) for name in ("gru_bias_0", "rnn_above", "rnn_above_clipped")
    )
    return Caption(
        r"Error signals back through time. Adding problem over [[length]] time "
        r"steps, [[units]] hidden units, [[seeds]] seeds (line: geometric mean, band: range), root "
        r"mean square over [[probe]] sequences. (a)–(c) Before training; thin black: wide-network "
        r"calculation without a fitted number. (a) Recurrent weights orthogonal times $g$, and "
        r"standard, $U(\pm 1/\sqrt{n})$. (b), (c) Standard weights, bias $b$ on the forget or "
        r"update gate: a factor of about $\sigma(b) + s$ a step, $s$ the weights' share. Left at "
        r"lag [[largest]] of the signal at lag 1: [[standard]] in a plain RNN (standard), "
        r"[[lstm_bias_0]] (LSTM) and [[gru_bias_0]] (GRU) with $b = 0$, [[lstm_bias_1]] and "
        r"[[gru_bias_1]] with $b = 1$, [[lstm_chrono]] and [[gru_chrono]] with chrono biases. "
        r"(d) After [[adam_steps]] steps of Adam, clipped at [[adam_clip]], with $b = 0$: "
        r"[[gru_trained]] (GRU) and [[lstm_trained]] (LSTM). (e) Running median of the loss; "
        r"dotted: a network without memory. (f) Descent at rate [[rate]], a line a seed: with "
        r"$g = [[large]]$, [[diverged]] of [[runs]] seeds diverge (crosses), and "
        r"[[clipped_diverged]] of [[runs]] when gradients are clipped at [[clip]]."
        + (
            " Before training a gate keeps the signal only for as long as its bias holds it open."
            if all(
                left[f"{cell}_bias_0"].value < KEPT < left[f"{cell}_chrono"].value
                for cell in ("lstm", "gru")
            )
            else ""
        ),
        {
            "length": Number(int(run.sequence_length)),
            "largest": Number(int(signals.lag.max())),
            "units": Number(int(run.hidden_size)),
            "seeds": Number(int(signals.seed.nunique())),
            "probe": Number(int(run.probe_examples)),
            "adam_steps": Number(_first(adam.steps)),
            "adam_clip": Number(_first(adam.clip_norm), digits=1),
            "rate": Number(_first(free.learning_rate), digits=1),
            "large": Number(_first(free.recurrent_scale)),
            "diverged": Number(int(sum(diverged(free)))),
            "clipped_diverged": Number(int(sum(diverged(clipped)))),
            "runs": Number(int(free.seed.nunique())),
            "clip": Number(_first(clipped.clip_norm), digits=1),
        }
        | left,
    )


def _left(signals: DataFrame) -> float:
    """Share of the signal at lag 1 that is left at the largest; nan if the run was not made."""
    return float(10 ** np.mean(kept_decades(signals))) if len(signals) else np.nan


def _first(values: Series) -> float:
    """A parameter that all rows of a run share; nan if the run was not made."""
    return values.iloc[0] if len(values) else np.nan
