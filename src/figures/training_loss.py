"""Training loss against epoch at 50 layers: standard and recommended initialisation."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame, Series

from gradient_atlas.claims.claim import Claim
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.style import Style, band, label_panels, look_of
from gradient_atlas.measures.layers import factor_per_layer
from gradient_atlas.measures.runs import diverged_runs, epoch_ends
from gradient_atlas.runs.names import name_of

TABLES = {
    "metrics": "training/training_loss/metrics",
    "gradients": "training/training_loss/gradients",
}

ACTIVATIONS = ("sigmoid", "tanh", "relu")
SETTINGS = ("standard", "recommended")
FEW_EPOCHS = 3
LAST_EPOCHS = 3  # the loss of single epochs jumps: the end is the mean over so many
PLATEAU = 0.05
MEANINGFUL = 0.10


def _rows(table: DataFrame, activation: str, setting: str, rate: float | None = None) -> DataFrame:
    rows = table[table["variant"] == f"{activation}_{setting}"]
    return rows if rate is None else rows[np.isclose(rows["learning_rate"], rate)]


def _end(metrics: DataFrame) -> Series:
    """By seed, the mean loss over the last epochs; inf for a diverged run."""
    ends = epoch_ends(metrics)
    last = ends["epoch"] > metrics["epoch"].max() - LAST_EPOCHS
    loss = ends[last].groupby("seed")["train_loss"].mean()
    diverged = metrics[metrics["status"] == "diverged"]["seed"].unique()
    return loss.reindex(sorted(metrics["seed"].unique())).where(
        lambda values: ~values.index.isin(diverged), np.inf
    )


def _best_rate(tables: dict[str, DataFrame], activation: str, setting: str) -> float:
    """The rate with the lowest loss in the end, mean over seeds: no network stands at a rate that
    only suits another."""
    rows = _rows(tables["metrics"], activation, setting)
    ends = {
        rate: _end(_rows(rows, activation, setting, rate)).mean()
        for rate in sorted(rows["learning_rate"].unique())
    }
    return float(min(ends, key=lambda rate: ends[rate]))


def _best(tables: dict[str, DataFrame], activation: str, setting: str) -> DataFrame:
    rate = _best_rate(tables, activation, setting)
    return _rows(tables["metrics"], activation, setting, rate)


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """A panel an initialisation, a line an activation; a cross where a run diverged."""
    figure, axes = style.new_figure(2, panel_height=2.2, sharey=True)
    for panel, setting in zip(axes, SETTINGS, strict=True):
        for activation in ACTIVATIONS:
            rows = _best(tables, activation, setting)
            loss = epoch_ends(rows).groupby("epoch")["train_loss"]
            look = look_of(activation)
            band(
                panel,
                loss.mean().index,
                loss.mean(),
                loss.min(),
                loss.max(),
                label=name_of(activation),
                **look,
            )
            lost = rows[rows["status"] == "diverged"]
            panel.plot(lost["epoch"], np.full(len(lost), np.log(10)), "x", color=look["color"])
        panel.set_xlabel("epoch")
        _name_hidden_lines(panel, tables, setting)
    axes[0].set(ylabel="training loss (nat)", ylim=(0, None))
    label_panels(axes, ["Standard initialisation", "Recommended initialisation"])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _name_hidden_lines(panel: Axes, tables: dict[str, DataFrame], setting: str) -> None:
    """Say that lines lie on one another where they do: only the topmost would be seen."""
    ends = [_end(_best(tables, activation, setting)).mean() for activation in ACTIVATIONS]
    if max(ends) - min(ends) < 0.02:
        panel.annotate(
            "all three coincide",
            (0.5, min(ends)),
            xycoords=("axes fraction", "data"),
            xytext=(0, -8),
            textcoords="offset points",
            ha="center",
            va="top",
        )


def _drop(
    tables: dict[str, DataFrame], activation: str, setting: str, rate: float | None = None
) -> Series:
    """By seed, how much of the loss after ``FEW_EPOCHS`` is gone in the end; nan if too short.

    At the best rate, unless another one is given.
    """
    if rate is None:
        rate = _best_rate(tables, activation, setting)
    rows = _rows(tables["metrics"], activation, setting, rate)
    ends = epoch_ends(rows)
    after = ends[ends["epoch"] == FEW_EPOCHS].groupby("seed")["train_loss"].mean()
    end = _end(rows)
    drop = 1 - end / after.reindex(end.index)
    if rows["epoch"].max() < FEW_EPOCHS + LAST_EPOCHS:
        drop[:] = np.nan
    # A run that diverges loses nothing, however early: its loss ends above any other.
    return drop.where(np.isfinite(end), -np.inf)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """The loss in the end of each network, its rate, and which of them still learn."""
    metrics = tables["metrics"]
    run = metrics.iloc[0]
    shown = [_best(tables, a, s) for s in SETTINGS for a in ACTIVATIONS]
    losts = [diverged_runs(rows, ["variant"]) for rows in shown]
    numbers = {
        "depth": Number(int(run["depth"])),
        "width": Number(int(run["width"])),
        "batch": Number(int(run["batch_size"])),
        "seeds": Number(int(metrics["seed"].nunique())),
        "last": Number(LAST_EPOCHS),
        "chance": Number(float(np.log(10)), digits=3),
        "diverged": Number(sum(lost for lost, _ in losts)),
        "runs": Number(sum(runs for _, runs in losts)),
    }
    texts = []
    for setting in SETTINGS:
        parts = []
        for activation in ACTIVATIONS:
            key = f"{activation}_{setting}"
            loss, start = _end(_best(tables, activation, setting)), _init(tables, key)
            spread = float(loss.std()) if np.isfinite(loss).all() else np.nan
            # On the plateau the spread is that of rounding, and would ask for six decimals.
            shown_spread = spread if spread >= 0.005 else None
            numbers[key] = Number(float(loss.mean()), shown_spread, digits=3)
            numbers[f"{key}_rate"] = Number(_best_rate(tables, activation, setting), digits=1)
            parts.append(f"{name_of(activation)} ({start}) [[{key}]] at [[{key}_rate]]")
        texts.append(", ".join(parts))
    rates = r"$ or $".join(f"{rate:g}" for rate in sorted(metrics["learning_rate"].unique()))
    return Caption(
        r"Training loss of networks of [[depth]] layers and width [[width]] on "
        rf"{name_of(run['dataset'])}, "
        r"SGD with batches of [[batch]]; each network at the better of the "
        rf"rates $\eta = {rates}$, by the loss in the end. Lines: mean over [[seeds]] seeds, "
        r"bands: range. Loss over the last [[last]] epochs, with its rate: "
        rf"(a) {texts[0]}; (b) {texts[1]}. Guessing among ten classes costs "
        rf"$\ln 10 = [[chance]]$. {_verdict(tables)}[[diverged]] of [[runs]] runs diverged.",
        numbers,
    )


def _init(tables: dict[str, DataFrame], variant: str) -> str:
    metrics = tables["metrics"]
    return name_of(metrics[metrics["variant"] == variant]["initialization"].iloc[0])


def _verdict(tables: dict[str, DataFrame]) -> str:
    """Which networks stay on a plateau and which go on learning, as the tables say."""
    flat, learning = [], []
    for setting in SETTINGS:
        for activation in ACTIVATIONS:
            drop = _drop(tables, activation, setting)
            name = f"{name_of(activation)} with {_init(tables, f'{activation}_{setting}')}"
            if (drop <= PLATEAU).all():
                flat.append(name)
            elif (drop >= MEANINGFUL).all():
                learning.append(name)
    text = f"Flat after {FEW_EPOCHS} epochs: {', '.join(flat)}. " if flat else ""
    return text + (f"Still learning then: {', '.join(learning)}. " if learning else "")


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """A plateau for sigmoid and tanh, a decrease for ReLU, in both settings."""
    run = tables["metrics"].iloc[0]
    found = []
    for setting in SETTINGS:
        for activation in ACTIVATIONS:
            variant = f"{activation}_{setting}"
            relu = activation == "relu"
            bound: dict[str, Any] = {"lower": MEANINGFUL} if relu else {"upper": PLATEAU}
            meaning = (
                f"'decreasing meaningfully' means that the loss then still falls by at least "
                f"{MEANINGFUL:.0%}"
                if relu
                else f"a plateau is a loss that then falls by at most {PLATEAU:.0%}"
            )
            rate = _best_rate(tables, activation, setting)
            gradients = _rows(tables["gradients"], activation, setting, rate)
            factor = factor_per_layer(gradients).mean()
            loss = _end(_best(tables, activation, setting)).mean()
            found.append(
                Claim(
                    claim=f"{'relu-keeps-learning' if relu else 'saturating-plateau'}/{variant}",
                    source="F figure 2",
                    statement="the training loss of ReLU continues decreasing meaningfully"
                    if relu
                    else f"the training loss of {activation} is a flat plateau after few epochs",
                    condition=f"{run['depth']} layers, width {run['width']}, {run['dataset']}, "
                    f"initialisation {_init(tables, variant)}, SGD at the rate with the lower "
                    f"loss in the end ({rate:g}), so that a plateau is the network's and not the "
                    f"rate's; bounds chosen: few epochs are {FEW_EPOCHS}, and {meaning}",
                    quantity=f"1 - (mean loss of the last {LAST_EPOCHS} epochs) / (loss after "
                    f"epoch {FEW_EPOCHS})",
                    values=_drop(tables, activation, setting).tolist(),
                    remark="At initialisation the error signal changes by a factor of "
                    f"{factor:.2f} a layer towards the input, and the loss ends at {loss:.2f}: "
                    "what decides is this factor, √(n Var(W) E[φ'²]) (Schoenholz et al. 2017), in "
                    "which the activation and the weights' scale enter together."
                    f"{_at_other_rates(tables, activation, setting, rate)}",
                    **bound,
                )
            )
    return found


def _at_other_rates(
    tables: dict[str, DataFrame], activation: str, setting: str, rate: float
) -> str:
    """The same quantity at the rates that were not chosen, for a verdict that depends on them."""
    rates = _rows(tables["metrics"], activation, setting)["learning_rate"].unique()
    others = [
        f"{_drop(tables, activation, setting, other).mean():.2g} at η = {other:g}"
        for other in sorted(rates)
        if not np.isclose(other, rate)
    ]
    return f" Otherwise: {', '.join(others)}." if others else ""
