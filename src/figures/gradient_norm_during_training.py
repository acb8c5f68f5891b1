"""What a monitor of gradient norms shows: a vanishing, an exploding and a healthy network."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.layer_map import draw_layer_map
from gradient_atlas.drawing.panels import letter, only
from gradient_atlas.drawing.style import Style, label_panels
from gradient_atlas.measures.layers import STABLE_DECADES
from gradient_atlas.measures.monitor import logarithms, outcomes, right, silent_layers
from gradient_atlas.measures.networks import Network, datasets_named, networks, numbers_of
from gradient_atlas.measures.runs import diverged_runs
from gradient_atlas.runs.names import name_of

TABLES = {
    "gradients": "training/gradient_norm_during_training/gradients",
    "metrics": "training/gradient_norm_during_training/metrics",
    "other_gradients": "training/training_loss/gradients",
    "other_metrics": "training/training_loss/metrics",
}


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """One map a network, all in one scale of colours."""
    shown = networks(tables["gradients"])
    figure, axes = style.new_figure(len(shown), columns=3, panel_height=2.1, sharey=True)
    maps = [logarithms(network.rows) for network in shown]
    finite = np.concatenate([m.to_numpy()[np.isfinite(m)] for m in maps])
    limits: dict[str, Any] = {
        "vmin": np.floor(finite.min(initial=0.0)),
        "vmax": np.ceil(finite.max(initial=1.0)),
    }
    for position, (panel, table) in enumerate(zip(axes, maps, strict=True)):
        mesh = draw_layer_map(panel, table, cmap="cividis", **limits)
        panel.set_xlabel("update")
        _name_hatched(panel, shown[position], table)
        if position == 0:
            panel.set_ylabel("layer (1: nearest input)")
    label_panels(axes, [network.name for network in shown])
    bar = figure.colorbar(mesh, ax=axes, aspect=30, pad=0.02)
    bar.set_label(r"$\log_{10} \Vert \nabla W^{(l)} \Vert$")
    return figure


def _name_hatched(panel: Axes, network: Network, table: DataFrame) -> None:
    """Say in the map itself what its open cells are, where they are many."""
    if table.isna().to_numpy().mean() < 0.25:
        return
    zero = bool((silent_layers(network.rows) > 0).all())
    panel.text(
        0.56,
        0.3,
        "gradient\nexactly 0" if zero else "diverged",
        transform=panel.transAxes,
        ha="center",
        va="center",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 2},
    )


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Layer 1 and the output layer at the first logged step, and what is 0 after one update."""
    rows, metrics = tables["gradients"], tables["metrics"]
    diverged, runs = diverged_runs(metrics, ["variant"] if "variant" in metrics else [])
    numbers: dict[str, Number] = {
        "steps": Number(int(metrics["step"].max())),
        "seeds": Number(int(metrics["seed"].nunique())),
        "diverged": Number(diverged),
        "runs": Number(runs),
        "decades": Number(STABLE_DECADES, digits=1),
    }
    parts = []
    for position, network in enumerate(networks(rows)):
        name = letter(position)
        key, table = network.key, logarithms(network.rows)
        numbers[f"{key}_first"] = Number(10.0 ** table.iloc[0, 0], digits=1)
        numbers[f"{key}_last"] = Number(10.0 ** table.iloc[-1, 0], digits=1)
        numbers[f"{key}_widest"] = Number(float((table.max() - table.min()).max()))
        text = (
            rf"({name}) {network.name}: before the first update [[{key}_last]] at the output and "
            rf"[[{key}_first]] at the input; at most [[{key}_widest]] orders of magnitude between "
            r"two layers at any step."
        )
        silent = silent_layers(network.rows).min()  # nan where nothing was updated
        if np.isfinite(silent) and silent > 0:
            numbers[f"{key}_silent"] = Number(int(silent))
            text += (
                rf" Hatched: exactly 0. After a single update at least [[{key}_silent]] layers have"
                r" no gradient left: the huge update drives every unit of the layers near the "
                r"input so far that its derivative is 0."
            )
        parts.append(only(name, f"{text} "))
    rates = " and ".join(f"{rate:g}" for rate in sorted(rows["learning_rate"].unique()))
    return Caption(
        r"What monitoring shows: $\log_{10}$ of the norm of each layer's weight gradient, mean "
        rf"over [[seeds]] seeds, while networks of {numbers_of(rows, 'depth')} layers and width "
        rf"{numbers_of(rows, 'width')} train on {datasets_named(rows)} "
        rf"({' and '.join(name_of(name) for name in dict.fromkeys(rows['optimizer']))}, "
        rf"$\eta$ = {rates}, batches of {numbers_of(rows, 'batch_size')}, [[steps]] updates, "
        rf"{' and '.join(dict.fromkeys(rows['precision']))}, a fixed batch of probes). "
        + "".join(parts)
        + rf"[[diverged]] of [[runs]] runs diverged. {_alarm(tables, numbers)}",
        numbers,
    )


def _alarm(tables: dict[str, DataFrame], numbers: dict[str, Number]) -> str:
    """How often the alarm before the first update was right about the end of training."""
    text = ""
    found = outcomes(tables["other_gradients"], tables["other_metrics"])
    if len(found):
        for name in ("weight", "error"):
            numbers[f"right_{name}"] = Number.over_seeds(
                (100 * right(found, name)).tolist(), unit=r"\%"
            )
        numbers["alarms"] = Number(len(found.drop_duplicates(["network"])))
        text = (
            r"An alarm before the first update, more than [[decades]] orders of magnitude between "
            r"input and output, says of [[right_weight]] of [[alarms]] other networks (those of "
            r"the loss curves) rightly whether they will learn if it watches the weight gradient, "
            r"of [[right_error]] if it watches the error signal."
        )
    return text
