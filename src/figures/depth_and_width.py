"""How deep until the first layer learns nothing, and what a finite width does to He weights."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame, concat

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.words import describe
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.style import THEORY, Style, band, label_panels, look_of
from gradient_atlas.measures.layers import (
    WEIGHT,
    at_initialization,
    decades,
    forward_ratio,
    layers_to_fall,
    predicted_slope,
    prediction_of,
    select,
)
from gradient_atlas.measures.runs import by_seed
from gradient_atlas.runs.names import name_of

TABLES = {
    "deep": "training/depth/gradients",
    "depths": "training/depth_series/gradients",
    "widths": "training/width_series/gradients",
    "deep_theory": "theory/depth",
    "theory": "theory/depth_series",
    "width_theory": "theory/width_series",
}

DEPTH = 50  # of the claims about He weights
CLAIMED_DEPTHS = (10, 15, 20, DEPTH)
NOTHING = -10.0  # log10 of the gradient that F example 1 calls "effectively zero"
LOOKS = {"xavier": {"linestyle": "-", "marker": "o"}, "standard": {"linestyle": ":", "marker": "s"}}
HANIN_NICA = 5.0  # β n per layer: the variance of ln E[a²] at width n (ReLU)


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: the first layer's gradient against depth; E[a²] against layer at several widths."""
    figure, (first, forward) = style.new_figure(2, panel_height=2.2)
    _draw_first_layer(first, tables)
    for position, (width, rows) in enumerate(_widths(tables)):
        look = look_of("", position) | {"label": f"$n = {width}$"}
        hidden = rows[rows.layer < rows.layer.max()]
        values = hidden.assign(variance=2 * decades(hidden, "activation_rms"))
        table = values.groupby("layer").variance
        middle = table.mean()
        band(forward, middle.index, middle, table.min(), table.max(), **look)
        drift = -HANIN_NICA / (2 * width * np.log(10))
        start = 2 * _first(prediction_of(tables["width_theory"], rows))
        forward.plot(middle.index, start + drift * middle.index.to_numpy(), **THEORY)
    forward.set(xlabel="layer $l$", ylabel=r"$\log_{10}\,\langle (a^{(l)})^2\rangle$")
    label_panels([first, forward], ["Sigmoid, first layer", "ReLU, He"])
    for axes in (first, forward):
        axes.legend(loc="lower left")
    return figure


def _draw_first_layer(axes: Axes, tables: dict[str, DataFrame]) -> None:
    rows, theory = _all_depths(tables)
    for position, (name, one) in enumerate(rows.groupby("initialization", sort=False)):
        look: dict[str, Any] = look_of("", position) | LOOKS.get(str(name), {})
        values = one.assign(decades=decades(one, WEIGHT))[one.layer == 1].groupby("depth").decades
        middle = values.mean()
        look |= {"markevery": 1, "label": name_of(str(name))}
        band(axes, middle.index, middle, values.min(), values.max(), **look)
        predicted = theory[(theory.initialization == name) & (theory.layer == 1)]
        predicted = predicted.sort_values("depth")
        axes.plot(predicted.depth, predicted[f"predicted_log10_{WEIGHT}"], **THEORY)
    axes.axhline(NOTHING, color="0.4", linewidth=0.6, linestyle=":", zorder=1)
    axes.set(xlabel="depth $L$", ylabel=r"$\log_{10}\,\Vert\partial L/\partial W^{(1)}\Vert$")
    axes.set_xticks(sorted(rows.depth.unique()))


def _all_depths(tables: dict[str, DataFrame]) -> tuple[DataFrame, DataFrame]:
    """Sigmoid networks of every depth whose initialisation the depth series has, and theory."""
    series = at_initialization(tables["depths"])
    deep = at_initialization(tables["deep"])
    kept = (deep.activation == "sigmoid") & deep.initialization.isin(series.initialization)
    theory = concat([tables["theory"], tables["deep_theory"]], ignore_index=True)
    return concat([series, deep[kept]], ignore_index=True), theory[theory.activation == "sigmoid"]


def _widths(tables: dict[str, DataFrame]) -> list[tuple[int, DataFrame]]:
    rows = at_initialization(tables["widths"])
    return [(int(width), one) for width, one in rows.groupby("width")]  # type: ignore[arg-type]


def _first(predicted: DataFrame) -> float:
    return float(predicted.predicted_log10_activation_rms.iloc[0]) if len(predicted) else np.nan


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Depths at which ten decades are lost, and the drift at each width."""
    rows, theory = _all_depths(tables)
    widths = _widths(tables)
    numbers = {
        "seeds": Number(int(rows.seed.nunique())),
        "width_seeds": Number(int(tables["widths"].seed.nunique())),
        "nothing": Number(int(NOTHING)),
        "width": Number(int(rows.width.max())),
        "depth": Number(int(tables["widths"].depth.max())),
    }
    for name in ("xavier", "standard"):
        deepest = rows[(rows.initialization == name) & (rows.depth == rows.depth.max())]
        layers = by_seed(deepest, lambda one: layers_to_fall(one, WEIGHT, -NOTHING))
        numbers[name] = Number.over_seeds(layers)
        numbers[f"{name}_theory"] = Number(_layers_in_theory(theory, name), digits=3)
    drifts = []
    for width, one in widths:
        ratios = by_seed(one, forward_ratio)
        numbers[f"ratio_{width}"] = Number(
            float(np.mean(ratios)), spread=float(np.std(ratios, ddof=1) / np.sqrt(len(ratios)))
        )
        numbers[f"ratio_{width}_theory"] = Number(_ratio_in_theory(width), digits=3)
        drifts.append(f"[[ratio_{width}]] ([[ratio_{width}_theory]]) at $n = {width}$")
    return Caption(
        r"Depth and width at initialisation on "
        + name_of(rows.dataset.iloc[0])
        + r" (bands: range over [[seeds]] seeds and width [[width]] in (a), [[width_seeds]] seeds "
        r"and depth [[depth]] in (b)). (a) The weight gradient of the first layer of sigmoid "
        r"networks against their depth; "
        r"dotted: $10^{[[nothing]]}$; thin black: mean-field theory. From the output it takes "
        r"[[xavier]] layers (theory [[xavier_theory]]) to lose ten decades with Xavier weights and "
        r"[[standard]] ([[standard_theory]]) with standard ones. (b) Second moment of the "
        r"activations of ReLU networks with He weights of width $n$. Its mean over networks is "
        r"kept, but its logarithm drifts by $-5/(2n)$ per layer (thin black; Hanin and Nica 2020). "
        r"Ratio from layer to layer, mean with its standard error (theory): "
        + ", ".join(drifts)
        + ".",
        numbers,
    )


def _ratio_in_theory(width: int) -> float:
    return float(np.exp(-HANIN_NICA / (2 * width)))


def _layers_in_theory(theory: DataFrame, initialization: str) -> float:
    """Ten decades over the predicted slope of the deepest network."""
    rows = theory[theory.initialization == initialization]
    rows = rows[rows.depth == rows.depth.max()].drop_duplicates("layer").sort_values("layer")
    return NOTHING / predicted_slope(rows, WEIGHT)


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Ten decades, gradients below 1e-10, and the forward variance of He weights."""
    rows, theory = _all_depths(tables)
    found = []
    for name in ("xavier", "standard"):
        taken = _layers_in_theory(theory, name)
        remark = (
            f"The factor per layer is √(n Var(W) E[σ'²]) (Schoenholz et al. 2017); with {name} "
            f"weights ten decades take {taken:.1f} layers."
        )
        deep = select(rows, "sigmoid", name, depth=DEPTH)
        found.append(
            Claim(
                claim=f"sigmoid-ten-decades/{name}",
                source="F figure 1",
                statement="the sigmoid curve drops about 10 orders of magnitude by layer 10 to 15",
                condition=describe(deep, "10 to 15 layers, as printed"),
                quantity="layers from the output until ‖∂L/∂W‖ has fallen by 10 decades",
                values=by_seed(deep, lambda one: layers_to_fall(one, WEIGHT, -NOTHING)),
                lower=10,
                upper=15,
                unit="layers",
                remark=remark,
            )
        )
        for depth in CLAIMED_DEPTHS:
            one = select(rows, "sigmoid", name, depth=depth)
            found.append(
                Claim(
                    claim=f"early-layers-below-1e-10/{name}-{depth}",
                    source="F example 1",
                    statement="early layers receive gradients < 1e-10 after about 10 to 15 layers",
                    condition=describe(one, "the sentence's 1e-10"),
                    quantity="log10 ‖∂L/∂W‖ of layer 1",
                    values=by_seed(one, lambda one: float(decades(one, WEIGHT)[0])),
                    upper=NOTHING,
                    unit="decades",
                    remark=remark,
                )
            )
    return [*found, *(_forward_claim(width, one) for width, one in _widths(tables))]


def _forward_claim(width: int, rows: DataFrame) -> Claim:
    rows = rows[rows.depth == DEPTH]
    return Claim(
        claim=f"he-forward-variance/width-{width}",
        source="F example 3",
        statement="He initialisation keeps the forward variance about 1 per layer",
        condition=describe(rows, "a ratio that rounds to 1.0 (0.95 to 1.05)"),
        quantity="geometric mean over hidden layers of the ratio of a layer's activation second "
        "moment to that of the layer before",
        values=by_seed(rows, forward_ratio),
        lower=0.95,
        upper=1.05,
        remark="The mean over networks of the second moment is kept at any width; that of its "
        "logarithm falls by 5/(2n) per layer (Hanin & Nica 2020), a ratio of "
        f"{_ratio_in_theory(width):.3f} here.",
    )
