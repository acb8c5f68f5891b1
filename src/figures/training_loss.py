"""Training loss against epoch of deep networks: standard and recommended initialisation."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.panels import only
from gradient_atlas.drawing.style import Style, band, label_panels, look_of
from gradient_atlas.measures.networks import datasets_named, numbers_of
from gradient_atlas.measures.plateaus import (
    FEW_EPOCHS,
    LAST_EPOCHS,
    MEANINGFUL,
    PLATEAU,
    RECOMMENDED,
    SETTINGS,
    at_rate,
    best_rate,
    drop,
    end_loss,
    guessing,
    initialization_of,
    rates_of,
    runs_of,
)
from gradient_atlas.measures.runs import diverged_runs, epoch_ends
from gradient_atlas.runs.names import name_of

TABLES = {
    "metrics": "training/training_loss/metrics?columns=seed,step,epoch,train_loss,status",
    "gradients": "training/training_loss/gradients?step=0&columns=seed,layer,error_signal_norm",
}
COINCIDE = 0.02  # nat: lines nearer than this lie on one another


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """A panel an initialisation, a line an activation; a cross where a run diverged."""
    figure, axes = style.new_figure(2, panel_height=2.2, sharey=True)
    for panel, setting in zip(axes, SETTINGS, strict=True):
        for activation in RECOMMENDED:
            _draw_line(panel, tables["metrics"], activation, setting)
        chance = guessing(tables["metrics"])
        if np.isfinite(chance):
            panel.axhline(chance, color="0.4", linewidth=0.6, linestyle=":", zorder=1)
        panel.set_xlabel("epoch")
        _name_hidden_lines(panel, tables["metrics"], setting)
    axes[0].set(ylabel="training loss (nat)", ylim=(0, None))
    label_panels(axes, ["Standard initialisation", "Recommended initialisation"])
    named = {
        label: handle
        for panel in axes
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=3)
    return figure


@dataclass(frozen=True)
class _Shown:
    """What is drawn of an activation and setting: its rows at the best of the rates tried."""

    rows: DataFrame
    rate: float
    rates: list[float]


def _shown(metrics: DataFrame, activation: str, setting: str) -> _Shown:
    """Of a sweep of many rates, all but what is drawn is let go before the next is looked at."""
    rows = runs_of(metrics, activation, setting)
    rate = best_rate(rows)
    return _Shown(at_rate(rows, rate) if len(rows) else rows, rate, rates_of(rows))


def _draw_line(panel: Axes, metrics: DataFrame, activation: str, setting: str) -> None:
    rows = _shown(metrics, activation, setting).rows
    if rows.empty:
        return
    loss = epoch_ends(rows).groupby("epoch")["train_loss"]
    look = look_of(activation)
    middle = loss.mean()
    band(panel, middle.index, middle, loss.min(), loss.max(), label=name_of(activation), **look)
    lost = rows[rows["status"] == "diverged"]
    height = np.nanmax(middle.to_numpy(), initial=0.0)
    panel.plot(lost["epoch"], np.full(len(lost), height), "x", color=look["color"])


def _name_hidden_lines(panel: Axes, metrics: DataFrame, setting: str) -> None:
    """Say that lines lie on one another where they do: only the topmost would be seen."""
    shown = [_shown(metrics, activation, setting) for activation in RECOMMENDED]
    ends = [end_loss(one.rows).mean() for one in shown if len(one.rows)]
    if len(ends) > 1 and max(ends) - min(ends) < COINCIDE:
        panel.annotate(
            f"all {len(ends)} coincide",
            (0.5, min(ends)),
            xycoords=("axes fraction", "data"),
            xytext=(0, -8),
            textcoords="offset points",
            ha="center",
            va="top",
        )


def caption(tables: dict[str, DataFrame]) -> Caption:
    """The loss in the end of each network, its rate, and which of them still learn."""
    metrics = tables["metrics"]
    shown = {
        (activation, setting): one
        for setting in SETTINGS
        for activation in RECOMMENDED
        if len((one := _shown(metrics, activation, setting)).rows)
    }
    losts = [diverged_runs(one.rows, ["activation"]) for one in shown.values()]
    numbers = {
        "seeds": Number(int(metrics["seed"].nunique())),
        "last": Number(LAST_EPOCHS),
        "classes": Number(int(metrics["classes"].max()) if "classes" in metrics else np.nan),
        "chance": Number(guessing(metrics), digits=3),
        "diverged": Number(sum(lost for lost, _ in losts)),
        "runs": Number(sum(runs for _, runs in losts)),
    }
    texts: dict[str, list[str]] = {setting: [] for setting in SETTINGS}
    for (activation, setting), one in shown.items():
        key = f"{activation}_{setting}"
        loss = end_loss(one.rows)
        spread = float(loss.std()) if np.isfinite(loss).all() else np.nan
        # On the plateau the spread is that of rounding, and would ask for six decimals.
        numbers[key] = Number(float(loss.mean()), spread if spread >= 0.005 else None, digits=3)
        numbers[f"{key}_rate"] = Number(one.rate, digits=1)
        start = name_of(initialization_of(activation, setting))
        texts[setting].append(f"{name_of(activation)} ({start}) [[{key}]] at [[{key}_rate]]")
    rates = ", ".join(f"{rate:g}" for rate in rates_of(metrics))
    a, b = (", ".join(texts[setting]) or "none" for setting in SETTINGS)
    return Caption(
        rf"Training loss of networks of {numbers_of(metrics, 'depth')} layers and width "
        rf"{numbers_of(metrics, 'width')} on {datasets_named(metrics)}, "
        rf"{' and '.join(name_of(name) for name in dict.fromkeys(metrics['optimizer']))} with "
        rf"batches of {numbers_of(metrics, 'batch_size')}; each network at the best of the rates "
        rf"$\eta$ = {rates}, by the loss in the end. Lines: mean over [[seeds]] seeds, bands: "
        r"range. Loss over the last [[last]] epochs, with its rate: "
        + only("a", f"(a) {a}. ")
        + only("b", f"(b) {b}. ")
        + r"Dotted: guessing among [[classes]] classes costs [[chance]] nat. "
        + only("a", _said_of(shown, SETTINGS[0]))
        + only("b", _said_of(shown, SETTINGS[1]))
        + r"[[diverged]] of [[runs]] runs shown diverged.",
        numbers,
    )


def _named(key: tuple[str, str]) -> str:
    return f"{name_of(key[0])} with {name_of(initialization_of(*key))}"


def _said_of(shown: dict[tuple[str, str], _Shown], setting: str) -> str:
    """What is remarkable of the networks of one panel."""
    own = {key: one for key, one in shown.items() if key[1] == setting}
    return f"{_verdict(own)}{_edge(own)}"


def _verdict(shown: dict[tuple[str, str], _Shown]) -> str:
    """Which networks stay on a plateau and which go on learning, as the tables say."""
    drops = {key: drop(one.rows) for key, one in shown.items()}
    flat = [_named(key) for key, values in drops.items() if (values <= PLATEAU).all()]
    learning = [_named(key) for key, values in drops.items() if (values >= MEANINGFUL).all()]
    text = f"Flat after {FEW_EPOCHS} epochs: {', '.join(flat)}. " if flat else ""
    return text + (f"Still learning then: {', '.join(learning)}. " if learning else "")


def _edge(shown: dict[tuple[str, str], _Shown]) -> str:
    """Which networks are best at the smallest or largest rate tried: another may suit better."""
    edge = [
        _named(key)
        for key, one in shown.items()
        if one.rate in (one.rates[0], one.rates[-1]) and end_loss(one.rows).notna().any()
    ]
    return f"Best at the edge of the rates tried: {', '.join(edge)}. " if edge else ""
