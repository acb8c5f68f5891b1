"""Activation by initialisation: by how much the error signal changes per layer, and should."""

from typing import Any

import matplotlib as mpl
import numpy as np
import seaborn
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.style import LOOKS, Style
from gradient_atlas.measures.layers import (
    ERROR,
    at_initialization,
    deepest,
    input_over_output,
    predicted_slope,
    select,
)
from gradient_atlas.measures.map_of_networks import STEADY, Key, cells_of, theory_of
from gradient_atlas.measures.networks import datasets_named, numbers_of
from gradient_atlas.measures.runs import by_seed
from gradient_atlas.runs.names import name_of, weights_name

TABLES = {
    "gradients": "training/initialization_map/gradients",
    "theory": "theory/initialization_map",
}

# Paul Tol's diverging scheme BuRd without its darkest ends, which black text could not stand on.
COLOURS = LinearSegmentedColormap.from_list(
    "vanishing_exploding",
    ["#4393C3", "#92C5DE", "#D1E5F0", "#F7F7F7", "#FDDBC7", "#F4A582", "#D6604D"],
)
CLIP = 0.5  # decades per layer: beyond, 50 layers cover more than float32 has anyway
# A slope so far from that at the fixed point belongs to a network that has not reached it.
TRANSIENT = 0.02


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """One cell a network: measured decades per layer, and below it the predicted ones."""
    rows = at_initialization(tables["gradients"])
    cells = cells_of(tables["gradients"], tables["theory"])
    activations = sorted(dict.fromkeys(rows.activation), key=_place_of)
    columns = list(dict.fromkeys(weights_name(*key) for key in _in_order_of_variance(cells)))
    narrow = style.width_in_inches < 4
    height = 0.36 * len(activations) + (1.8 if narrow else 0.9)
    figure, (axes,) = style.new_figure(1, panel_height=height, least_height=height)
    shape = (len(activations), len(columns))
    values, texts = np.full(shape, np.nan), np.full(shape, "", dtype=object)
    for (activation, name, weight_std), (measured, predicted) in cells.items():
        cell = activations.index(activation), columns.index(weights_name(name, weight_std))
        values[cell] = np.mean(measured)
        texts[cell] = _signed(float(np.mean(measured)))
        if np.isfinite(predicted):
            texts[cell] += f"\n({_signed(predicted)})"
    # A narrow column has no room beside the map, nor for names that lie.
    beside: dict[str, Any] = {"location": "bottom", "aspect": 30} if narrow else {"pad": 0.02}
    seaborn.heatmap(
        values,
        annot=texts,
        fmt="",
        annot_kws={"color": "black", "size": mpl.rcParams["legend.fontsize"], "linespacing": 1.1},
        cmap=COLOURS,
        norm=Normalize(-CLIP, CLIP),
        linewidths=0.5,
        xticklabels=columns,
        yticklabels=[name_of(name) for name in activations],
        cbar_kws={"extend": "both", "ticks": [-CLIP, 0, CLIP], **beside},
        ax=axes,
    )
    axes.tick_params(length=0)
    axes.tick_params(axis="x", rotation=30 if narrow else 0)
    axes.tick_params(axis="y", rotation=0)
    axes.set_title("Measured (predicted)")
    axes.set_xlabel("initialisation")
    bar = axes.collections[0].colorbar
    assert bar is not None  # asked for above
    bar.outline.set_visible(True)  # type: ignore[operator]
    bar.set_ticklabels([f"≤ −{CLIP:g}\nvanishes", "0", f"≥ {CLIP:g}\nexplodes"])
    # Towards the input; in two lines, because a map of few activations is low.
    bar.set_label("decades per layer" + (" " if narrow else "\n") + "towards the input")
    return figure


def _place_of(activation: str) -> int:
    known = list(LOOKS)
    return known.index(activation) if activation in known else len(known)


def _signed(value: float) -> str:
    return f"{round(value, 3) + 0.0:+.3f}".replace("-", "−")


def _in_order_of_variance(cells: dict[Key, tuple[list[float], float]]) -> list[Any]:
    """Initialisations ordered by the error signal they leave, on average over activations."""
    mean: dict[Any, list[float]] = {}
    for (_, *initialization), (measured, _) in cells.items():
        mean.setdefault(tuple(initialization), []).append(float(np.mean(measured)))
    return sorted(mean, key=lambda key: round(float(np.mean(mean[key])), 2))


def caption(tables: dict[str, DataFrame]) -> Caption:
    """How far prediction and measurement lie apart, and where most."""
    rows = at_initialization(tables["gradients"])
    cells = cells_of(rows, tables["theory"])
    residuals = {key: np.mean(measured) - predicted for key, (measured, predicted) in cells.items()}
    finite = [float(value) for value in residuals.values() if np.isfinite(value)]
    sizes = np.abs(finite or [np.nan])
    worst = max(residuals, key=lambda key: np.nan_to_num(abs(residuals[key]), nan=-1.0))
    text = (
        r"Decades that the norm of the error signal $\partial\ell/\partial z^{(l)}$ gains per "
        r"layer towards the input (negative: it vanishes), at initialisation of perceptrons "
        r"of DEPTH layers and width WIDTH on DATASET, least squares over the layers 2 to $L - 1$, "
        r"mean over [[seeds]] seeds; in brackets the slope of the mean-field prediction, nothing "
        r"fitted. "
        r"Theory and measurement differ by [[median]] decades per layer in the median and by at "
        r"most [[most]] in nine of ten cells. They differ most for WORST, by [[largest]] (standard "
        r"deviation over seeds [[spread]]): REASON."
    )
    named, changes = _changes_with_he(tables["gradients"])
    text += f" With He weights the signal changes over all layers by {named} decades." * bool(named)
    text = text.replace("DATASET", datasets_named(rows))
    text = text.replace("DEPTH", numbers_of(rows, "depth"))
    text = text.replace("WIDTH", numbers_of(rows, "width"))
    activation, weights = worst[0], weights_name(*worst[1:])
    text = text.replace("WORST", f"{name_of(activation)} with {weights} weights")
    text = text.replace("REASON", _reason(tables["theory"], worst))
    measured = cells[worst][0]
    return Caption(
        text,
        {
            "seeds": Number(int(rows.seed.nunique())),
            "median": Number(float(np.median(sizes)), digits=1),
            "most": Number(float(np.quantile(sizes, 0.9)), digits=1),
            "largest": Number(float(residuals[worst]), digits=1),
            "spread": Number(
                float(np.std(measured, ddof=1)) if len(measured) > 1 else np.nan, digits=1
            ),
        }
        | changes,
    )


def _changes_with_he(gradients: DataFrame) -> tuple[str, dict[str, Number]]:
    """Decades from the output to the input of ReLU and what is said to improve on it."""
    numbers, words = {}, []
    for activation in STEADY:
        rows = deepest(select(gradients, activation, "he"))
        if len(rows):
            changes = by_seed(rows, lambda one: input_over_output(one, ERROR))
            numbers[f"he_{activation}"] = Number.over_seeds(changes)
            words.append(f"[[he_{activation}]] ({name_of(activation)})")
    return ", ".join(words), numbers


def _reason(theory: DataFrame, key: Key) -> str:
    """Why theory and measurement part: a transient feels each fluctuation of the width."""
    rows = theory_of(theory, key)
    if len(rows) and abs(predicted_slope(rows) - rows.asymptotic_slope.iloc[0]) > TRANSIENT:
        return (
            r"the variance of $z$ leaves a plateau for its fixed point only within this depth, and "
            r"the fluctuations of a finite width decide in which layer"
        )
    return r"the prediction is that of infinite width"
