"""SGD, LARS and LAMB from small to absurd learning rates: where each explodes, and why."""

import math
from collections.abc import Iterable

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import rate_number
from gradient_atlas.drawing.panels import only
from gradient_atlas.drawing.style import Style, band, label_panels, look_of
from gradient_atlas.measures.learning_rates import (
    EXPLODED,
    LEARNT_SHARE,
    at_largest_rates,
    geometric_mean,
    largest_rates,
    relative_changes,
    run_ends,
    trust_ratios,
)
from gradient_atlas.runs.names import name_of, network_name

TABLES = {
    "gradients": "training/layerwise_optimizers/gradients",
    "metrics": "training/layerwise_optimizers/metrics",
}

OPTIMIZERS = ("sgd", "lars", "lamb")
LARGEST_LOSS_SHOWN = 3e2
LARGEST_GROWTH_SHOWN = 1e32


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: final loss and gradient growth against rate; trust and update ratio a layer."""
    figure, axes = style.new_figure(4, columns=2, panel_height=1.8)
    loss, growth, trust, update = axes
    metrics, gradients = tables["metrics"], tables["gradients"]
    ends = run_ends(metrics)
    _draw_scan(loss, ends, "final_loss", LARGEST_LOSS_SHOWN)
    guessing = math.log(metrics.classes.iloc[0])
    loss.axhline(guessing, color="black", linewidth=0.6, linestyle=":", zorder=1)
    loss.set(ylabel="final training loss")
    _draw_scan(growth, ends, "growth", LARGEST_GROWTH_SHOWN)
    growth.axhline(EXPLODED, color="black", linewidth=0.6, linestyle=":", zorder=1)
    growth.set(ylabel="gradient norm's growth")
    for axes_of_scan in (loss, growth):
        axes_of_scan.set(xlabel=r"learning rate $\eta$ (each in its own unit)")
    for position, optimizer in enumerate(OPTIMIZERS):
        look = look_of(optimizer, position)
        _draw_layers(trust, trust_ratios(gradients, optimizer), "trust_ratio", look)
        _draw_layers(update, at_largest_rates(gradients, ends, optimizer), "update_ratio", look)
    trust.set(ylabel=r"$\|\Delta W\| \,/\, \eta\,\|\nabla W\|$")
    trust.set(yscale="log")
    update.set(yscale="log", ylabel=r"$\|\Delta W\| \,/\, \|W\|$")
    for axes_of_layers in (trust, update):
        axes_of_layers.set(xlabel="layer $l$ (1: nearest input)")
        axes_of_layers.xaxis.set_major_locator(mpl.ticker.MaxNLocator(integer=True))
        _whole_decades(axes_of_layers)
    titles = [
        "Loss",
        "Explosion",
        "Trust ratio, first step",
        "Largest rate that learns, first step",
    ]
    label_panels(axes, titles)
    figure.legend(*loss.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _draw_scan(axes: Axes, ends: DataFrame, quantity: str, largest: float) -> None:
    """Median line and each seed's point; what is larger than the axis stands on a row above it."""
    axes.set(xscale="log", yscale="log")
    least = min(float(ends[quantity].min()), largest / 10)
    for position, optimizer in enumerate(OPTIMIZERS):
        rows, look = ends[ends.optimizer == optimizer], look_of(optimizer, position)
        if rows.empty:
            continue
        middle = rows.groupby("learning_rate")[quantity].median()
        middle = middle[middle <= largest]
        axes.plot(middle.index, middle, **(look | {"marker": "None"}))
        axes.plot([], [], label=name_of(optimizer), **look)
        inside = rows[rows[quantity] <= largest]
        points = {"linestyle": "None", "color": look["color"]}
        axes.plot(inside.learning_rate, inside[quantity], marker=look["marker"], **points)
        # One row an optimizer, so that they do not hide each other; filled: finite, cross: not.
        row = largest * (largest / least) ** (0.05 + 0.08 * (2 - position))
        beyond = rows[rows[quantity] > largest]
        for finite, marker in ((True, look["marker"]), (False, "x")):
            shown = beyond[np.isfinite(beyond[quantity]) == finite]
            axes.plot(shown.learning_rate, [row] * len(shown), marker=marker, **points)
    top = largest * (largest / least) ** 0.28
    axes.set_ylim(top=top)
    axes.axhspan(largest, top, color="0.93", linewidth=0, zorder=-1)
    axes.text(
        0.02,
        0.97,
        "beyond the axis",
        transform=axes.transAxes,
        va="top",
        fontsize=mpl.rcParams["legend.fontsize"],
    )


def _draw_layers(axes: Axes, rows: DataFrame, quantity: str, look: dict[str, object]) -> None:
    layers = rows.groupby("layer")[quantity]
    middle = layers.agg(geometric_mean)
    band(axes, middle.index, middle, layers.min(), layers.max(), **look)


def _whole_decades(axes: Axes) -> None:
    """Let the axis end at powers of ten: what is nearly equal must not look different."""
    least, most = axes.dataLim.intervaly  # of lines and bands
    if 0 < least <= most < math.inf:
        low, high = math.floor(np.log10(least)), math.ceil(np.log10(most))
        axes.set_ylim(10.0**low, 10.0 ** max(high, low + 1))
    else:
        axes.set(xlim=(0, 1), ylim=(0.1, 1), xticks=[], yticks=[])
        axes.text(0.5, 0.5, "no run learns", transform=axes.transAxes, ha="center", va="center")


def caption(tables: dict[str, DataFrame]) -> Caption:
    """The largest rates that learn, and the step that they make, from the tables."""
    metrics, gradients = tables["metrics"], tables["gradients"]
    ends, run = run_ends(metrics), metrics.iloc[0]
    numbers = {
        "depth": Number(int(run.depth)),
        "width": Number(int(run.width)),
        "steps": Number(int(metrics.step.max())),
        "seeds": Number(int(ends.seed.nunique())),
        "learnt": Number(LEARNT_SHARE, digits=1),
        "exploded": Number(float(EXPLODED)),
    }
    rates, changes = [], []
    shown = [optimizer for optimizer in OPTIMIZERS if (ends.optimizer == optimizer).any()]
    for optimizer in shown:
        rates.append(f"{_span(optimizer, largest_rates(ends, optimizer), numbers)}")
        of_seeds = relative_changes(at_largest_rates(gradients, ends, optimizer)).values()
        if not of_seeds:
            continue
        numbers[f"{optimizer}_ratio"] = Number(geometric_mean(list(of_seeds)), digits=2)
        changes.append(f"[[{optimizer}_ratio]] ({name_of(optimizer)})")
    mean = f", in the geometric mean {', '.join(changes)}" if changes else ""
    biases = "" if run.train_biases else ", biases frozen at 0"
    return Caption(
        rf"{network_name(run)}, [[depth]] layers of width [[width]], {name_of(run.dataset)}, "
        rf"[[steps]] steps{biases}, [[seeds]] seeds (points, or band: range). "
        + only("a", "(a) Loss after the last step (dotted: guessing). ")
        + only("b", "(b) Largest gradient norm over the first (dotted: [[exploded]]). ")
        + only("ab", "Grey: beyond the axis, a row an optimiser, crosses: not finite. ")
        + r"A run learns if it ends below [[learnt]] of guessing's loss; the largest rate of the "
        rf"scan to learn is, depending on the seed, {', '.join(rates)}. Rates are in different "
        r"units. "
        + only("c", r"(c) Step over that of SGD with the same $\eta$. ")
        + only("d", rf"(d) Relative change of a layer at that largest rate{mean}."),
        numbers,
    )


def _span(optimizer: str, rates: dict[int, float], numbers: dict[str, Number]) -> str:
    known = _known(rates.values())
    if not known:
        return f"none ({name_of(optimizer)})"
    numbers[f"{optimizer}_least"] = rate_number(min(known))
    numbers[f"{optimizer}_most"] = rate_number(max(known))
    to = f" to [[{optimizer}_most]]" if len(set(known)) > 1 else ""
    return f"[[{optimizer}_least]]{to} ({name_of(optimizer)})"


def _known(values: Iterable[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)]
