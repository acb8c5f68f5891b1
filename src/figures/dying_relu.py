"""Units that no example switches on, through training: ReLU beside Leaky ReLU, at every rate."""

import numpy as np
from matplotlib.figure import Figure
from pandas import DataFrame, Series

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.layer_map import draw_layer_map
from gradient_atlas.drawing.style import Style, label_panels
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
    """A map of layers and steps for each activation (rows) and rate (columns)."""
    columns = rates(tables)
    pairs = [(activation, rate) for activation in activations(tables) for rate in columns]
    figure, axes = style.new_figure(
        max(1, len(pairs)), columns=len(columns), panel_height=1.65, sharex=True, sharey=True
    )
    maps = [layer_step_table(hidden(tables, *pair), "inactive_fraction").mul(100) for pair in pairs]
    largest = max([1.0, *(np.nanmax(table.to_numpy(), initial=0.0) for table in maps)])
    titles = []
    for position, ((activation, rate), table) in enumerate(zip(pairs, maps, strict=True)):
        if table.empty:
            titles.append(rf"{name_of(activation)}, $\eta = {rate:g}$: not in the config")
            continue
        mesh = draw_layer_map(axes[position], table, cmap="cividis", vmin=0, vmax=largest)
        if position % len(columns) == 0:
            axes[position].set_ylabel("layer")
        if position >= len(pairs) - len(columns):
            axes[position].set_xlabel("update")
        state = _state(hidden(tables, activation, rate))
        titles.append(rf"{name_of(activation)}, $\eta = {rate:g}$: {state}")
    label_panels(axes, titles)
    if any(not table.empty for table in maps):
        bar = figure.colorbar(mesh, ax=axes, aspect=30, pad=0.02)
        bar.set_label(r"units off for every example (%)")
    return figure


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
    text = (
        rf"Units that are off ($z \leq 0$) for each of [[examples]] {kind}, by hidden layer and "
        rf"update: networks of {numbers_of(rows, 'depth')} layers and width "
        rf"{numbers_of(rows, 'width')} with {weights} weights on {datasets_named(rows)}, mean over "
        r"[[seeds]] seeds. A ReLU unit in this state is dead: its derivative is 0 and its weights "
        r"get no gradient; a Leaky ReLU unit in the same state keeps a slope. "
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
