"""What a monitor of gradient norms shows: a vanishing, an exploding and a healthy network."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.layer_map import draw_layer_map
from gradient_atlas.drawing.style import Style, label_panels
from gradient_atlas.measures.layers import WEIGHT, decades, layer_step_table
from gradient_atlas.measures.runs import diverged_runs, of_variant
from gradient_atlas.runs.names import name_of, network_name

TABLES = {
    "gradients": "training/gradient_norm_during_training/gradients",
    "metrics": "training/gradient_norm_during_training/metrics",
}

VARIANTS = ("vanishing", "exploding", "healthy")


def _logarithms(tables: dict[str, DataFrame], variant: str) -> DataFrame:
    """log10 of the weight gradient's norm, layers by steps; nan where it is 0 for every seed."""
    rows = of_variant(tables["gradients"], variant)
    return layer_step_table(rows.assign(value=decades(rows, WEIGHT)), "value")


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """One map a network, all in one scale of colours."""
    figure, axes = style.new_figure(3, panel_height=2.1, sharey=True)
    maps = {variant: _logarithms(tables, variant) for variant in VARIANTS}
    finite = np.concatenate([m.to_numpy()[np.isfinite(m)] for m in maps.values()])
    limits: dict[str, Any] = {"vmin": np.floor(finite.min()), "vmax": np.ceil(finite.max())}
    for position, (panel, table) in enumerate(zip(axes, maps.values(), strict=True)):
        mesh = draw_layer_map(panel, table, cmap="cividis", **limits)
        panel.set_xlabel("update")
        _name_hatched(panel, tables, VARIANTS[position], table)
        if position == 0:
            panel.set_ylabel("layer (1: nearest input)")
    label_panels(axes, [network_name(_run(tables, variant)) for variant in VARIANTS])
    bar = figure.colorbar(mesh, ax=axes, aspect=30, pad=0.02)
    bar.set_label(r"$\log_{10} \Vert \nabla W^{(l)} \Vert$")
    return figure


def _name_hatched(
    panel: Axes, tables: dict[str, DataFrame], variant: str, table: DataFrame
) -> None:
    """Say in the map itself what its open cells are, where they are many."""
    if table.isna().to_numpy().mean() < 0.25:
        return
    zero = bool((_silent_layers(tables, variant) > 0).all())
    panel.text(
        0.56,
        0.3,
        "gradient\nexactly 0" if zero else "diverged",
        transform=panel.transAxes,
        ha="center",
        va="center",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 2},
    )


def _run(tables: dict[str, DataFrame], variant: str) -> Any:
    return of_variant(tables["gradients"], variant).iloc[0]


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Layer 1 and the output layer at the first logged step, and what is 0 after one update."""
    numbers: dict[str, Number] = {}
    for variant in VARIANTS:
        table = _logarithms(tables, variant)
        numbers[f"{variant}_first"] = Number(10.0 ** table.iloc[0, 0], digits=1)
        numbers[f"{variant}_last"] = Number(10.0 ** table.iloc[-1, 0], digits=1)
    without = int(_silent_layers(tables, "exploding").min())
    spread = _logarithms(tables, "healthy")
    widest = float((spread.max() - spread.min()).max())
    run, metrics = _run(tables, "healthy"), tables["metrics"]
    diverged, runs = diverged_runs(metrics, ["variant"])
    numbers |= {
        "depth": Number(int(run["depth"])),
        "width": Number(int(run["width"])),
        "rate": Number(float(run["learning_rate"]), digits=1),
        "batch": Number(int(run["batch_size"])),
        "steps": Number(int(metrics["step"].max())),
        "seeds": Number(int(metrics["seed"].nunique())),
        "silent": Number(without),
        "widest": Number(widest),
        "diverged": Number(diverged),
        "runs": Number(runs),
    }
    hatched = (
        r" Hatched: the gradient is exactly 0 in float64. After a single update at least "
        r"[[silent]] layers of this network have none left: the huge update drives every unit of "
        r"the layers near the input so far that its derivative is 0."
        if without
        else ""
    )
    names = {variant: network_name(_run(tables, variant)) for variant in VARIANTS}
    return Caption(
        r"What monitoring shows: $\log_{10}$ of the norm of each layer's weight gradient, mean "
        rf"over [[seeds]] seeds, while networks of [[depth]] layers and width [[width]] train on "
        rf"{name_of(run['dataset'])} "
        r"(SGD, $\eta = [[rate]]$, batches of [[batch]], [[steps]] updates, "
        r"float64, a fixed batch of probes). "
        rf"(a) {names['vanishing']}: from [[vanishing_last]] at the output to [[vanishing_first]] "
        rf"at the input. (b) {names['exploding']}: from [[exploding_last]] to [[exploding_first]]."
        rf"{hatched} (c) {names['healthy']}: at no step do the layers differ by more than "
        r"[[widest]] orders of magnitude. [[diverged]] of [[runs]] runs diverged.",
        numbers,
    )


def _silent_layers(tables: dict[str, DataFrame], variant: str) -> Any:
    """By seed, how many layers have a weight gradient of exactly 0 after the first update."""
    rows = of_variant(tables["gradients"], variant).query("step == 1")
    return (rows[WEIGHT] == 0).groupby(rows["seed"]).sum()


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """None: the source documents advise to monitor and say nothing that this could refute."""
    return []
