"""Units that no example switches on, through training: ReLU beside Leaky ReLU, at every rate."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame, Series, concat

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.layer_map import draw_layer_map, step_scale, step_ticks
from gradient_atlas.drawing.panels import letters_of, only
from gradient_atlas.drawing.style import Style, band, label_panels, look_of
from gradient_atlas.measures.dying import activations, deaths, examples_of, hidden, rates, shares
from gradient_atlas.measures.layers import layer_step_table
from gradient_atlas.measures.networks import datasets_named, numbers_of
from gradient_atlas.measures.runs import diverged_runs
from gradient_atlas.runs.names import name_of, weights_name

TABLES = {
    "gradients": "training/dying_relu/gradients",
    "metrics": "training/dying_relu/metrics",
}


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """A column a rate: shares of all hidden units through training; below, of ReLU's, by layer."""
    columns = rates(tables)
    shown = activations(tables)
    mapped = "relu" if "relu" in shown else next(iter(shown), "relu")
    figure, axes = style.new_figure(2 * len(columns), columns=len(columns), panel_height=1.65)
    lines, maps = axes[: len(columns)], axes[len(columns) :]
    parts = [hidden(tables, mapped, rate) for rate in columns]
    by_layer = [layer_step_table(rows, "inactive_fraction").mul(100) for rows in parts]
    largest = max([1.0, *(np.nanmax(table.to_numpy(), initial=0.0) for table in by_layer)])
    for panel, rate in zip(lines, columns, strict=True):
        for position, activation in enumerate(shown):
            _draw_shares(panel, hidden(tables, activation, rate), look_of(activation, position))
    highest = max([1.0, *(panel.get_ylim()[1] for panel in lines)])
    for panel in lines:
        panel.set(ylim=(-0.03 * highest, highest), xlabel="update")
        step_ticks(panel, float(tables["metrics"]["step"].max()))
    mesh = None
    for panel, table in zip(maps, by_layer, strict=True):
        if table.empty:
            panel.text(0.5, 0.5, "not in the config", ha="center", transform=panel.transAxes)
            continue
        mesh = draw_layer_map(panel, table, cmap="cividis", vmin=0, vmax=largest)
        panel.set_xlabel("update")
    lines[0].set_ylabel("hidden units (%)")
    maps[0].set_ylabel("layer")
    said = [rf"$\eta = {rate:g}$" for rate in columns]
    state = f"{name_of(mapped)}, {_state(concat(parts))}"
    label_panels(
        axes, [*(f"All layers, {rate}" for rate in said), *(f"{state}, {r}" for r in said)]
    )
    figure.legend(*lines[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    if mesh is not None:
        figure.colorbar(mesh, ax=maps, aspect=15, pad=0.02).set_label("units off (%)")
    return figure


def _draw_shares(axes: Axes, rows: DataFrame, look: dict[str, Any]) -> None:
    """Mean and range over seeds: off and dead, in one line where that is the same."""
    if rows.empty:
        return
    name, same = name_of(rows["activation"].iloc[0]), _state(rows) == "dead"
    for column, state, line in (
        ("dead_fraction", "dead", "-"),
        ("inactive_fraction", "off, but with a slope", ":"),
    ):
        if same and column == "inactive_fraction":
            continue
        seeds = 100 * rows.groupby(["step", "seed"])[column].mean().unstack("seed")
        style = look | {"linestyle": line, "label": f"{name}: {state}"}
        style |= {"marker": "None"} if line == ":" else {}
        x = step_scale(seeds.index.to_numpy(float))
        band(axes, x, seeds.mean(axis=1), seeds.min(axis=1), seeds.max(axis=1), **style)


def _state(rows: DataFrame) -> str:
    """What it means for these units to be off for every example."""
    measured = rows.dropna(subset=["dead_fraction"])
    if (measured["dead_fraction"] == measured["inactive_fraction"]).all():
        return "dead"
    return "off, not dead" if (measured["dead_fraction"] == 0).all() else "off"


def _percent(values: Series) -> Number:
    return Number.over_seeds(100 * values.dropna(), unit=r"\%")


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Start, highest and last share at each rate, deaths, and that no leaky unit is dead."""
    rows, metrics = tables["gradients"], tables["metrics"]
    diverged, runs = diverged_runs(metrics, ["activation", "learning_rate"])
    examples, kind = examples_of(rows)
    numbers = {
        "examples": Number(examples),
        "seeds": Number(int(metrics["seed"].nunique())),
        "steps": Number(int(metrics["step"].max())),
        "diverged": Number(diverged),
        "runs": Number(runs),
    }
    weights = " and ".join(
        dict.fromkeys(
            weights_name(one.initialization, one.weight_std)
            for one in rows.drop_duplicates(["initialization", "weight_std"]).itertuples()
        )
    )
    columns = len(rates(tables))
    above, said_above = letters_of(range(columns))
    below, said_below = letters_of(range(columns, 2 * columns))
    text = (
        rf"Units that are off ($z \leq 0$) for each of [[examples]] {kind}. "
        + only(above, f"{said_above}: share of all hidden units, mean and range over seeds. ")
        + only(below, f"{said_below}: by layer, mean. ")
        + rf"Networks of {numbers_of(rows, 'depth')} layers and width {numbers_of(rows, 'width')} "
        rf"with {weights} weights on {datasets_named(rows)}, [[seeds]] seeds. A ReLU unit in "
        r"this state is dead: its derivative is 0 and its weights get no gradient; a Leaky ReLU "
        r"unit in the same state keeps a slope. "
    )
    for activation in activations(tables):
        parts = []
        for position, rate in enumerate(rates(tables)):
            share = shares(tables, activation, rate, "inactive_fraction")
            if share.empty:
                continue
            key = f"{activation}_{position}"
            for column in ("start", "highest", "end"):
                numbers[f"{key}_{column}"] = _percent(share[column])
            # A unit that keeps a slope does not die, it switches off.
            dies = _state(hidden(tables, activation, rate)) == "dead"
            column, does = ("dead_fraction", "die") if dies else ("inactive_fraction", "switch off")
            numbers[f"{key}_deaths"] = _percent(deaths(tables, activation, rate, column))
            parts.append(
                rf"at $\eta = {rate:g}$ [[{key}_start]] at initialisation, at most "
                rf"[[{key}_highest]], [[{key}_end]] after [[steps]] updates "
                f"([[{key}_deaths]] {does})"
            )
        text += f"{name_of(activation)} units off: {'; '.join(parts)}. " * bool(parts)
    return Caption(
        text + r"Units that die or switch off: at least, by the largest rise of a layer's share "
        r"over an earlier update. [[diverged]] of [[runs]] runs diverged.",
        numbers,
    )
