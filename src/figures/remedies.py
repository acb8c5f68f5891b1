"""Every remedy alone, on networks that vanish, explode or do neither: who keeps the signal."""

import re
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.page import is_left_out
from gradient_atlas.drawing.panels import letter, letters_of, only
from gradient_atlas.drawing.style import COLORS, Style, label_panels
from gradient_atlas.measures.changes import Group, Member, groups
from gradient_atlas.measures.explosion import accuracy, updates
from gradient_atlas.measures.layers import (
    STABLE_DECADES,
    at_initialization,
    factors,
    predicted_factor,
    prediction_of,
)
from gradient_atlas.measures.remedies import at_the_end, ends, predicted_change
from gradient_atlas.measures.runs import diverged, divergence_steps
from gradient_atlas.runs.names import name_of

TABLES = {
    "start": "training/remedies_start/gradients",
    "theory": "theory/remedies_start",
    "gradients": "training/remedies_training/gradients",
    "metrics": "training/remedies_training/metrics",
}

BEFORE: dict[str, Any] = {"color": COLORS["blue"], "marker": "o", "linestyle": "-"}
AFTER: dict[str, Any] = {"color": COLORS["orange"], "marker": "D", "linestyle": "-"}
PREDICTED: dict[str, Any] = {"color": "black", "marker": "|", "linestyle": ""}
PLAIN = "none"


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """A panel a network, a row a remedy: decades between the layers, and accuracy."""
    found = deepest(tables)
    # Of panels that are left out nothing is drawn: their remedies would be empty rows.
    shown = [found[place] for place in style.shown(max(len(found), 1)) if place < len(found)]
    rows = _rows(shown)
    height = panel_height(len(rows), style)
    figure, axes = style.new_figure(
        max(len(found), 1), columns=3, panel_height=height, least_height=height
    )
    on_page = [panel for panel in axes if not is_left_out(panel)]
    beside = len({round(panel.get_position().y0, 3) for panel in on_page}) == 1
    for panel, group in zip(on_page, shown, strict=False):
        _draw_network(panel, group, rows, tables["theory"])
        named = panel is on_page[0] or not beside
        panel.set_yticks(range(len(rows)), rows if named else [""] * len(rows))
    label_panels(axes, [group.name for group in found])
    figure.legend(
        [mpl.lines.Line2D([], [], **look) for look in (BEFORE, PREDICTED, AFTER)],
        ["before training", "theory", "after training"],
        loc="outside upper center",
        ncols=3,
    )
    return figure


def panel_height(rows: int, style: Style) -> float:
    """Inches that so many rows and their names need."""
    return 0.75 + 0.028 * style.smallest_font * max(rows, 4)


def deepest(tables: dict[str, DataFrame]) -> list[Group]:
    """The networks of the greatest depth; the others are for claims alone."""
    found = groups(tables | {"start": at_initialization(tables["start"])})
    depth = max((group.run["depth"] for group in found), default=0)
    return [group for group in found if group.run["depth"] == depth]


def _rows(found: list[Group]) -> list[str]:
    """The remedies of all networks by name: nothing first, then as a network lists them."""
    members = sorted((member for group in found for member in group.members), key=lambda m: m.rank)
    return list(dict.fromkeys(_name(member) for member in members))


def _name(member: Member) -> str:
    return member.name or PLAIN


def _draw_network(axes: Axes, group: Group, rows: list[str], theory: DataFrame) -> None:
    """Lines from the least to the most of the signal, the marker at the layer nearest the input."""
    axes.axvspan(-STABLE_DECADES, STABLE_DECADES, color="0.92", linewidth=0, zorder=0)
    for member in group.members:
        row = rows.index(_name(member))
        tables = ((member.start, BEFORE, -0.17), (at_the_end(member.gradients), AFTER, 0.17))
        for table, look, shift in tables:
            if table.empty:
                continue
            low, high, end = ends(table)
            axes.plot([low, high], [row + shift] * 2, **look | {"marker": ""})
            axes.plot(end, row + shift, **look | {"linestyle": ""})
        if len(member.start):
            expected = predicted_change(prediction_of(theory, member.start))
            axes.plot(expected, row - 0.17, **PREDICTED, markersize=7, zorder=4)
        axes.annotate(
            _end(member.metrics),
            (1.03, row),
            xycoords=axes.get_yaxis_transform(),
            va="center",
            fontsize=mpl.rcParams["legend.fontsize"],
        )
    if len(group.run):
        axes.annotate(
            f"guess {100 / group.run['classes']:.0f}%",
            (1.03, 0.005),
            xycoords="axes fraction",
            color="0.4",
            fontsize=mpl.rcParams["legend.fontsize"],
        )
    axes.set(ylim=(len(rows) + 0.1, -0.6), xlabel="signal change (decades)")
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.08)


def _end(runs: DataFrame) -> str:
    """Final accuracy, or when the runs diverged."""
    if runs.empty:
        return "–"
    stops = sorted(set(divergence_steps(runs)))
    seeds, lost = runs["seed"].nunique(), int(sum(diverged(runs)))
    if lost == seeds:
        # 0: the forward pass of the untrained network.
        return f"inf @{stops[0]}" if len(stops) == 1 else f"inf @{stops[0]}–{stops[-1]}"
    return f"{100 * accuracy(runs):.0f}%" + (f" ({lost}/{seeds} inf)" if lost else "")


def caption(tables: dict[str, DataFrame]) -> Caption:
    """What is drawn, and the factors per layer of all remedies."""
    start, metrics = at_initialization(tables["start"]), tables["metrics"]
    found = deepest(tables)
    rates = sorted(
        {g.run["learning_rate"] for g in found if any(len(m.metrics) for m in g.members)}
    )
    rate = " or ".join(rf"$\eta = {rate:g}$" for rate in rates)
    either = start if len(start) else metrics
    numbers = {
        "depth": Number(int(either["depth"].max())),
        "width": Number(int(either["width"].iloc[0])),
        "stable": Number(int(STABLE_DECADES)),
        "updates": Number(updates(metrics)),
        "seeds": Number(int(metrics["seed"].nunique())),
        "start_seeds": Number(int(start["seed"].nunique())),
    }
    text = (
        rf"Every remedy alone; [[depth]] layers of [[width]] units, "
        f"{name_of(either['dataset'].iloc[0])}. A row is a remedy, its line what the error signal "
        r"passes through from layer $L-1$ (0) towards the input, in decades, its marker layer 2: "
        r"left of 0 it vanishes, right of 0 it explodes; shaded: within [[stable]] decades. Before "
        r"training ([[start_seeds]] seeds, float64; bar: theory of a wide network) and after "
        rf"[[updates]] updates ({rate}; "
        r"[[seeds]] seeds). Right: final training accuracy (–: not trained); inf @: diverged, at "
        r"which step; "
        r"after so few updates an accuracy near chance says nothing against a remedy. "
    )
    for group in found:
        for member in group.members:
            if len(member.start):
                key = _key(group, member)
                numbers[key] = Number.over_seeds(factors(member.start))
                numbers[f"{key}_theory"] = Number(
                    predicted_factor(tables["theory"], member.start), digits=4
                )
    factors_said = [_factors(group) for group in found]
    if any(factors_said):
        text += r"Factor of the signal per layer towards the input (theory): " + "".join(
            only(letter(position), f"{said}. ")
            for position, said in enumerate(factors_said)
            if said
        )
    kinds = [{kind for member in group.members for kind in member.kinds} for group in found]
    residual, _ = letters_of([place for place, of in enumerate(kinds) if "residual" in of])
    if residual:
        text += only(
            residual,
            r"Residual layers are $x + s\,\phi(Wx)$, without the second matrix of He et al. "
            r"(2016); $s = 1$ unless said.",
        )
    return Caption(text.strip(), numbers)


def _factors(group: Group) -> str:
    """One network's factors, those of the plain one and of what changes its layers."""
    said = [
        f"{_name(member)} [[{_key(group, member)}]] ([[{_key(group, member)}_theory]])"
        for member in group.members
        if len(member.start) and not set(member.kinds) & {"clipping", "decay", "rate"}
    ]
    return f"{group.name}: {', '.join(said)}" if said else ""


def _key(group: Group, member: Member) -> str:
    return re.sub(r"[^a-zA-Z0-9]+", "_", f"{group.slug}_{member.name}").strip("_")
