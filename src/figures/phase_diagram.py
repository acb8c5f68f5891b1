"""Order and chaos in the plane of σ_w² and σ_b², the depth scales, and what can be trained."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import rate_number
from gradient_atlas.drawing.looks.layer_map import borders
from gradient_atlas.drawing.panels import only
from gradient_atlas.drawing.style import COLORS, THEORY, Style, label_panels
from gradient_atlas.measures.phases import at_best_rate, grid, learnt, part_of, shares
from gradient_atlas.measures.trainable_depth import SCALES
from gradient_atlas.runs.names import name_of

TABLES = {"trained": "ensembles/phase_diagram", "theory": "theory/phase_diagram"}
LONGEST = 100.0  # layers; a longer scale is drawn as this one
EDGE: dict[str, Any] = {"color": "black", "linestyle": "--", "linewidth": 1.0}


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: map of ξ_c with χ = 1, both depth scales on the cut, accuracy after training."""
    trained, theory = tables["trained"], tables["theory"]
    figure, axes = style.new_figure(3, panel_height=2.3)
    plane, scales, accuracy = axes
    _draw_plane(figure, plane, theory)
    _draw_scales(scales, theory)
    _draw_accuracy(figure, accuracy, trained, theory)
    label_panels(axes, [r"Scale $\xi_c$", "On the cut", "After training"])
    return figure


def _draw_plane(figure: Figure, axes: Axes, theory: DataFrame) -> None:
    values, chi = grid(theory, "correlation_depth"), grid(theory, "chi")
    mesh = axes.pcolormesh(
        values.columns.to_numpy(float), values.index.to_numpy(float),
        values.clip(upper=LONGEST).to_numpy(float), norm=LogNorm(1, LONGEST), cmap="viridis",
        rasterized=True, shading="nearest",
    )  # fmt: skip
    if chi.to_numpy().min() < 1 < chi.to_numpy().max() and min(chi.shape) > 1:
        axes.contour(chi.columns, chi.index, chi.to_numpy(float), levels=[1.0], colors="black")
    networks = part_of(theory, "networks")
    axes.plot(networks.sigma_w2, networks.sigma_b2, "o", color="white", markeredgecolor="black",
              markersize=3.5)  # fmt: skip
    box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none"}
    top = float(values.index.max()) * 0.9
    for name, side in (("order", chi.columns.min()), ("chaos", chi.columns.max())):
        place: dict[str, Any] = {"ha": "left" if name == "order" else "right", "va": "top"}
        axes.text(float(side), top, name, bbox=box, **place)
    axes.set(xlabel=r"$\sigma_w^2$", ylabel=r"$\sigma_b^2$")
    bar = figure.colorbar(mesh, ax=axes, location="bottom", aspect=20, extend="max")
    bar.set_label(r"$\xi_c$ (layers)")


def _draw_scales(axes: Axes, theory: DataFrame) -> None:
    cut = part_of(theory, "cut")
    axes.plot(cut.sigma_w2, cut.correlation_depth.clip(upper=LONGEST), color=COLORS["blue"],
              linestyle="-", label=r"$\xi_c$")  # fmt: skip
    axes.plot(cut.sigma_w2, cut.variance_depth.clip(upper=LONGEST), color=COLORS["orange"],
              linestyle="--", label=r"$\xi_q$")  # fmt: skip
    if len(edge := _edge(cut)):
        axes.axvline(edge[0], label=r"$\chi = 1$", **THEORY)
    axes.set(xlabel=r"$\sigma_w^2$", ylabel="layers", yscale="log")
    axes.legend(loc="upper right", handlelength=2.0, borderaxespad=0.2)


def _edge(cut: DataFrame) -> list[float]:
    """Where χ crosses 1 on the cut, between two of its points in a straight line."""
    chi, sigma = cut.chi.to_numpy(float), cut.sigma_w2.to_numpy(float)
    crossed = np.flatnonzero((chi[:-1] - 1) * (chi[1:] - 1) < 0)
    parts = (1 - chi[crossed]) / (chi[crossed + 1] - chi[crossed])
    return [float(x) for x in sigma[crossed] + parts * (sigma[crossed + 1] - sigma[crossed])]


def _draw_accuracy(figure: Figure, axes: Axes, trained: DataFrame, theory: DataFrame) -> None:
    table = at_best_rate(trained).pivot_table(
        index="depth", columns="sigma_w2", values="accuracy", aggfunc="mean"
    )
    x, y = table.columns.to_numpy(float), table.index.to_numpy(float)
    mesh = axes.pcolormesh(
        borders(x), np.exp(borders(np.log(y))), table.to_numpy(float), vmin=0, vmax=1,
        cmap="cividis", rasterized=True,
    )  # fmt: skip
    cut = part_of(theory, "cut")
    limit = (SCALES * cut.correlation_depth).clip(upper=10 * y.max())
    axes.plot(cut.sigma_w2, limit, color="black", linewidth=2.6)
    axes.plot(cut.sigma_w2, limit, color="white", linewidth=1.4)
    edges = np.exp(borders(np.log(y)))
    axes.set(yscale="log", xlabel=r"$\sigma_w^2$", ylabel="depth $L$", ylim=(edges[0], edges[-1]))
    axes.set_yticks(y, [f"{depth:g}" for depth in y])
    axes.yaxis.set_minor_locator(NullLocator())
    bar = figure.colorbar(mesh, ax=axes, location="bottom", aspect=20)
    bar.set_label("training accuracy")


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Where the phases meet, how many networks learn on both sides of 6 ξ_c."""
    trained, theory = tables["trained"], tables["theory"]
    first, cells = trained.iloc[0], learnt(trained, theory)
    numbers = {
        "sigma_b2": rate_number(float(first.sigma_b2)),
        "width": Number(int(first.width)),
        "rows": Number(int(first.training_rows)),
        "updates": Number(int(first.steps)),
        "rates": Number(int(trained.learning_rate.nunique())),
        "seeds": Number(int(trained.seed.nunique())),
        "longest": Number(int(LONGEST)),
    }
    text = (
        r"tanh networks in the plane of $\sigma_w^2$ (width times variance of a weight) and "
        r"$\sigma_b^2$ (variance of a bias). "
    )
    plane = (
        r"(a) Depth scale $\xi_c$ over which two inputs forget how alike they were (Schoenholz et "
        r"al. 2017), up to [[longest]] layers; black: $\chi = 1$, where it is infinite, between "
        r"order ($\chi < 1$) and chaos; circles: networks that were trained. "
    )
    scales = (
        r"(b) $\xi_c$, the depth scale of the correlation of two inputs, and $\xi_q$, that of the "
        r"variance, at $\sigma_b^2 = [[sigma_b2]]$"
    )
    if edge := _edge(part_of(theory, "cut")):
        numbers["edge"] = Number(edge[0], digits=3)
        scales += r"; the phases meet at $\sigma_w^2 = [[edge]]$"
    learning = (
        rf"(c) Accuracy on their own [[rows]] examples of {name_of(first.dataset)} after "
        r"[[updates]] updates ($\sigma_b^2 = [[sigma_b2]]$, width [[width]], best of [[rates]] "
        r"rates, mean over [[seeds]] seeds); white: $6\,\xi_c$, nothing fitted."
    )
    for within, where in ((True, "up to"), (False, "deeper than")):
        if found := shares(cells, within):
            key = "within" if within else "beyond"
            numbers[key] = Number.over_seeds([100 * share for share in found], unit=r"\%")
            learning += rf" Of the networks {where} $6\,\xi_c$, [[{key}]] learnt"
            learning += " more than half of what there is above guessing." if within else "."
    text += only("a", plane) + only("b", scales + ". ") + only("c", learning)
    return Caption(text, numbers)
