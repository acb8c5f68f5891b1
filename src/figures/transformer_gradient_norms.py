"""Transformers: where LayerNorm stands decides the gradients, and whether warm-up is needed."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.panels import only
from gradient_atlas.drawing.style import THEORY, Style, band, label_panels, look_of
from gradient_atlas.measures.blocks import ERROR, Stack
from gradient_atlas.measures.networks import datasets_named
from gradient_atlas.measures.runs import guessing
from gradient_atlas.measures.transformers import Trained, encoders, last_signals, trained
from gradient_atlas.runs.names import norm_name

TABLES = {
    "modules": "training/transformers/modules",
    "theory": "theory/transformers",
    "warmup": "training/transformer_warmup/metrics",
}

WITH_WARMUP: dict[str, Any] = {"linestyle": "-", "marker": "o"}
WITHOUT: dict[str, Any] = {"linestyle": ":", "marker": "X"}


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: error signal over sublayers; that of the last over depth; loss with warm-up."""
    figure, axes = style.new_figure(3, panel_height=2.3)
    along, over, training = axes
    for position, (norm, networks) in enumerate(encoders(tables).items()):
        look = look_of("", position) | {"label": norm_name(norm)}
        _draw_along(along, networks[-1], look)
        _draw_over(over, networks, look)
    along.set(xlabel="sublayer (1: nearest input)")
    along.set(ylabel=r"$\log_{10}\,\Vert\partial\ell/\partial f\Vert$")
    over.set(xlabel="layers $L$", xscale="log")
    over.set(ylabel=r"$\log_{10}\,\Vert\partial\ell/\partial f\Vert$, last layer")
    depths = sorted({one.depth for many in encoders(tables).values() for one in many})
    if depths:
        over.set_xticks(depths, [str(depth) for depth in depths])
        over.minorticks_off()
    _draw_training(training, tables)
    label_panels(axes, ["Along the network", "Over depth", "Warm-up"])
    figure.legend(*along.get_legend_handles_labels(), loc="outside lower left", ncols=4)
    return figure


def _draw_along(axes: Axes, network: Stack, look: dict[str, Any]) -> None:
    values = network.of(ERROR)
    if values.empty:
        return
    band(axes, values.columns, values.mean(), values.min(), values.max(), **look)
    axes.plot(network.theory["place"], network.predicted(f"predicted_log10_{ERROR}"), **THEORY)


def _draw_over(axes: Axes, networks: list[Stack], look: dict[str, Any]) -> None:
    known = [one for one in networks if len(one.rows)]
    if not known:
        return
    depths, found = [one.depth for one in known], [last_signals(one) for one in known]
    middle, low, high = ([f(values) for values in found] for f in (np.mean, np.min, np.max))
    band(axes, depths, middle, low, high, **(look | {"markevery": 1}))
    predicted = [one.predicted(f"predicted_log10_{ERROR}") for one in known]
    axes.plot(depths, [values[-1] if values else np.nan for values in predicted], **THEORY)


def _draw_training(axes: Axes, tables: dict[str, DataFrame]) -> None:
    norms = list(encoders(tables))
    for position, run in enumerate(trained(tables)):
        look = look_of("", norms.index(run.norm) if run.norm in norms else len(norms) + position)
        look |= WITH_WARMUP if run.warmup_steps else WITHOUT
        table = run.metrics.groupby("step")["train_loss"]
        band(axes, table.mean().index, table.mean(), table.min(), table.max(), **look)
    axes.axhline(guessing(tables["warmup"]), color="0.4", linewidth=0.6, linestyle=":", zorder=1)
    axes.set(xlabel="update", ylabel="training loss", ylim=(0, None))
    looks = {"without": WITHOUT, "with": WITH_WARMUP}
    handles = [Line2D([], [], color="0.3", label=name, **look) for name, look in looks.items()]
    axes.legend(handles=handles, loc="lower left", handlelength=2.0, borderaxespad=0.2)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Levels at the last layer, and final losses."""
    numbers: dict[str, Number] = {}
    start = f"{_at_the_start(tables, numbers)} "
    return Caption(start + only("c", _under_training(tables, numbers)), numbers)


def _at_the_start(tables: dict[str, DataFrame], numbers: dict[str, Number]) -> str:
    found = encoders(tables)
    if not found:
        return "Transformers before training: not in the config."
    parts = []
    for position, (norm, networks) in enumerate(found.items()):
        one, key = networks[-1], f"norm_{position}"
        numbers[key] = Number.over_seeds(one.total() if len(one.rows) else [])
        numbers[f"{key}_theory"] = Number(one.predicted_total(), digits=2)
        parts.append(f"{norm_name(norm)} [[{key}]] ([[{key}_theory]])")
    rows = tables["modules"]
    deepest = max(one.depth for many in found.values() for one in many)
    widths = sorted({one.options["width"] for many in found.values() for one in many})
    numbers |= {"seeds": Number(int(rows.seed.nunique())), "deepest": Number(deepest)}
    return (
        f"Transformers over the rows of images ({datasets_named(rows)}, width "
        f"{' and '.join(map(str, widths))}) before training, [[seeds]] seeds, bands: their range. "
        + only(
            "a",
            r"(a) Error signal $\partial\ell/\partial f$ at the output $f$ of each attention and "
            "perceptron of the deepest networks. ",
        )
        + only("b", "(b) Error signal at the output of the last perceptron against depth. ")
        + "Thin black: theory in the limit of a large width, level and slope, nothing "
        "fitted, for queries that start at 0, as these do. Decades that the error signal gains "
        f"from the last sublayer to the first at [[deepest]] layers (theory): {', '.join(parts)}."
    )


def _under_training(tables: dict[str, DataFrame], numbers: dict[str, Number]) -> str:
    runs = trained(tables)
    if not runs:
        return "(c) Warm-up: not in the config."
    parts = []
    for position, run in enumerate(runs):
        key = f"loss_{position}"
        numbers[key] = Number.over_seeds(run.final_losses)
        warmed = f" with warm-up over {run.warmup_steps} updates" if run.warmup_steps else ""
        parts.append(f"{norm_name(run.norm)}{warmed} [[{key}]]")
    first: Trained = runs[0]
    numbers["updates"] = Number(int(tables["warmup"].step.max()))
    rates = " and ".join(f"{rate:g}" for rate in sorted(set(tables["warmup"].learning_rate)))
    return (
        rf"(c) Training loss under {first.optimizer} ($\eta$ = {rates}, "
        f"{first.layers} layers of width {first.width}, queries after Xavier); dotted: guessing. "
        f"Loss after [[updates]] updates: {', '.join(parts)}."
    )
