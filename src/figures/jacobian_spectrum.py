"""Singular values of the input-output Jacobian over depth, and what orthogonal weights win."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.panels import only
from gradient_atlas.drawing.style import COLORS, THEORY, Style, band, label_panels, look_of
from gradient_atlas.measures.isometry import (
    NEAR,
    at_best_rate,
    kinds,
    median_spectrum,
    of_theory,
    shares_near_one,
    variances,
)
from gradient_atlas.measures.networks import datasets_named, numbers_of
from gradient_atlas.measures.runs import final_loss
from gradient_atlas.runs.names import name_of

TABLES = {
    "jacobian": "ensembles/jacobian",
    "theory": "theory/jacobian",
    "metrics": "training/isometry/metrics",
}
# As in the default's panels (a) and (b), where tanh with these weights stands first and third.
PLACES = {"orthogonal": 0, "xavier": 2}
WEIGHTS = {"normal": "Gaussian", "xavier": "Gaussian", "orthogonal": "orthogonal"}
BROKEN: dict[str, Any] = {"color": "0.45", "linestyle": ":", "linewidth": 0.9, "zorder": 3}
SMALLEST = 1e-6  # below it a singular value is not drawn


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: variance of the squared singular values, the spectrum at the end, training."""
    figure, axes = style.new_figure(3, panel_height=2.3)
    growth, spectrum, training = axes
    for position, rows in enumerate(kinds(tables["jacobian"])):
        look = look_of("", position)
        growth.plot([], [], label=_name(rows), **look)
        _draw_growth(growth, rows, of_theory(tables["theory"], rows), look)
        values = median_spectrum(rows)
        shown = values["value"].where(values["value"] > SMALLEST)
        spectrum.plot(values["share"], shown, **look | {"marker": "None"})
    growth.plot([], [], label="theory", **THEORY)
    growth.plot([], [], label="with the input's direction", **BROKEN)
    growth.set(xscale="log", yscale="log", xlabel="depth $L$")
    growth.set_ylabel(r"relative variance of $s^2$")
    spectrum.axhline(1, color=COLORS["grey"], linewidth=0.6, zorder=0)
    spectrum.set(yscale="log", xlabel="share of singular values", ylabel="singular value $s$")
    spectrum.set_xlim(0, 1)
    spectrum.set_ylim(bottom=SMALLEST)
    _draw_training(training, tables["metrics"])
    deepest = int(tables["jacobian"].depth.max())
    label_panels(axes, ["Spread over depth", f"Spectrum at $L = {deepest}$", "Training"])
    columns = max(2, int(style.width_in_inches / 1.75))
    handles = growth.get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=columns)
    return figure


def _name(rows: DataFrame) -> str:
    first = rows.iloc[0]
    name = f"{name_of(first.activation)}, {WEIGHTS[first.initialization]}"
    return name + ("" if _homogeneous(rows) else rf", $q^* = {first.variance:g}$")


def _homogeneous(rows: DataFrame) -> bool:
    """Whether the variance of the pre-activations makes no difference."""
    return str(rows.activation.iloc[0]) in ("relu", "leaky_relu")


def _draw_growth(axes: Axes, rows: DataFrame, theory: DataFrame, look: dict[str, Any]) -> None:
    table = variances(rows).groupby("depth").relative
    middle, error = table.mean(), table.sem().fillna(0.0)
    low = (middle - error).clip(lower=middle / 3)
    line = look | {"linestyle": "", "markevery": 1}
    band(axes, middle.index, middle, low, middle + error, **line)
    axes.plot(theory.depth, theory.variance_in_the_limit, **THEORY)
    axes.plot(theory.depth, theory.variance_in_the_limit + theory.radial_share, **BROKEN)


def _draw_training(axes: Axes, metrics: DataFrame) -> None:
    for position, name in enumerate(dict.fromkeys(metrics.initialization)):
        runs = at_best_rate(metrics, name)
        loss = runs.groupby("step").train_loss
        look = look_of("", PLACES.get(name, 5 + position)) | {"markevery": 1}
        rate = f"$\\eta = {runs.learning_rate.iloc[0]:g}$"
        label = f"{WEIGHTS.get(name, name_of(name))}, {rate}"
        band(axes, loss.mean().index, loss.mean(), loss.min(), loss.max(), label=label, **look)
    axes.set(xlabel="update", ylabel="training loss (nat)")
    low, high = axes.get_ylim()
    axes.set_ylim(bottom=low - 0.35 * (high - low))  # room for the names
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="lower left", handlelength=2.0, borderaxespad=0.2)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Shares near 1, variances at the largest depth, losses; every number from the tables."""
    values, theory, metrics = tables["jacobian"], tables["theory"], tables["metrics"]
    depth = int(values.depth.max())
    numbers = {
        "width": Number(int(values.width.iloc[0])),
        "networks": Number(int(values.seed.nunique())),
        "depth": Number(depth),
        "near": Number(NEAR, digits=1),
    }
    spread, near = [], []
    for position, rows in enumerate(kinds(values)):
        found = variances(rows[rows.depth == depth]).relative
        error = float(found.sem()) if len(found) > 1 else None
        predicted = of_theory(theory, rows).set_index("depth")
        keys = [f"{key}_{position}" for key in ("variance", "limit", "share")]
        numbers[keys[0]] = Number(
            float(found.mean()), error, spread_is="the standard error of the mean"
        )
        numbers[keys[1]] = Number(float(predicted.variance_in_the_limit[depth]))
        share = shares_near_one(rows)
        numbers[keys[2]] = Number(100 * sum(share) / len(share), unit=r"\%")
        spread.append(f"{_name(rows)} [[{keys[0]}]] ([[{keys[1]}]])")
        near.append(f"{_name(rows)} [[{keys[2]}]]")
    text = (
        r"Singular values $s$ of the input-output Jacobian of random networks of width [[width]] "
        r"on the critical line, $\chi = \sigma_w^2 E[\phi'^2] = 1$, where the mean of $s^2$ is 1 "
        r"at every depth ($q^*$: variance of the pre-activations; [[networks]] networks a kind, "
        r"float64). "
    )
    grown = (
        r"(a) Variance of $s^2$ in a network over the square of its mean, mean over networks "
        r"(bands: its standard error). Black: $L(\mu_2/\mu_1^2 - 1 - s_1)$ of wide networks with "
        r"$\mu_k = E[\phi'^{2k}]$, $s_1 = -1$ for Gaussian and 0 for orthogonal weights "
        r"(Pennington et al. 2017); dotted: with what the one direction of the input itself adds "
        rf"at this width. At $L = [[depth]]$ (theory): {'; '.join(spread)}. "
    )
    sorted_out = (
        r"(b) Singular values at $L = [[depth]]$, sorted, median over networks. Within a factor "
        rf"[[near]] of 1 are: {'; '.join(near)}. "
    )
    training = only("c", _of_training(metrics, numbers))
    return Caption(text + only("a", grown) + only("b", sorted_out) + training, numbers)


def _of_training(metrics: DataFrame, numbers: dict[str, Number]) -> str:
    parts = []
    for name in dict.fromkeys(metrics.initialization):
        runs = at_best_rate(metrics, name)
        numbers[f"loss_{name}"] = Number.over_seeds(final_loss(runs))
        parts.append(f"[[loss_{name}]] with {WEIGHTS.get(name, name_of(name))} weights")
    numbers["updates"] = Number(int(metrics.step.max()))
    numbers["seeds"] = Number(int(metrics.seed.nunique()))
    activations = " and ".join(name_of(one) for one in dict.fromkeys(metrics.activation))
    return (
        rf"(c) Training of {activations} networks of {numbers_of(metrics, 'depth')} layers and "
        rf"width {numbers_of(metrics, 'width')} on {datasets_named(metrics)}, each at the best of "
        rf"its rates ([[seeds]] seeds, bands: their range). Loss after [[updates]] updates: "
        rf"{', '.join(parts)}."
    )
