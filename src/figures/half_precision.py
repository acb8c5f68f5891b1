"""Which gradients float16, bfloat16 and float32 turn into zeros, and what loss scaling wins."""

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.network import network_look
from gradient_atlas.drawing.panels import only
from gradient_atlas.drawing.style import THEORY, Style, band, label_panels, look_of
from gradient_atlas.measures.half_precision import (
    FLOAT16,
    SMALLEST_EXPONENT,
    chosen,
    decades_per_layer,
    depth_of,
    kept_by_seed,
    kept_in_theory,
    placed,
    variants,
)
from gradient_atlas.measures.networks import datasets_named, numbers_of
from gradient_atlas.runs.names import network_name

FALLS = 0.01  # decades per layer from which a gradient is said to fall

TABLES = {"shares": "ensembles/half_precision", "theory": "theory/half_precision"}


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: zeros of float16 by network, of each format in one network, layers kept by scale."""
    shares, theory = tables["shares"], tables["theory"]
    figure, axes = style.new_figure(3, panel_height=2.2)
    networks, formats, scales = axes
    least = int(shares.loss_scale.min())
    for rows in variants(shares):
        look = network_look(rows.iloc[0])
        _draw_shares(networks, rows, theory, FLOAT16, least, look)
        _draw_kept(scales, rows, theory, look)
    one = _steepest(shares, theory)
    for position, name in enumerate(dict.fromkeys(one.format)):
        _draw_shares(
            formats, one, theory, str(name), least, look_of("", position + 1) | {"label": name}
        )
    for panel in (networks, formats):
        panel.set(xlabel="layers below the output", ylabel="share of zeros", ylim=(-0.03, 1.03))
    networks.set_xlim(-0.5, _window(shares, theory))
    scales.set(xlabel="loss scale $2^k$: $k$", ylabel="layers kept")
    scales.set_ylim(bottom=0)
    networks.plot([], [], label="theory", **THEORY)
    titles = ["In float16", network_name(one.iloc[0]), "Loss scaling"]
    label_panels(axes, titles)
    handles, labels = (
        one + other
        for one, other in zip(
            networks.get_legend_handles_labels(), formats.get_legend_handles_labels(), strict=True
        )
    )
    columns = max(2, int(style.width_in_inches / 1.2))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)
    return figure


def _steepest(shares: DataFrame, theory: DataFrame) -> DataFrame:
    """The network whose gradient falls fastest: it leaves the wider formats too."""
    return max(variants(shares), key=lambda rows: _or_zero(decades_per_layer(theory, rows)))


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _window(shares: DataFrame, theory: DataFrame) -> float:
    """Twice as many layers as are needed to see float16 lose all that it loses."""
    least = int(shares.loss_scale.min())
    kept = [kept_in_theory(theory, rows, FLOAT16, least) for rows in variants(shares)]
    known = [value for value in kept if not math.isnan(value)]
    deepest = max(depth_of(rows) for rows in variants(shares))
    return min(2.2 * max(known), deepest) if known else deepest


def _draw_shares(
    axes: Axes, rows: DataFrame, theory: DataFrame, name: str, scale: int, look: dict[str, Any]
) -> None:
    depth = depth_of(rows)
    here = placed(chosen(rows, name, scale), depth)
    share = here.groupby("distance").lost_share
    band(axes, share.mean().index, share.mean(), share.min(), share.max(), **look)
    own = placed(chosen(theory[theory.variant == rows.variant.iloc[0]], name, scale), depth)
    own = own.sort_values("distance")
    axes.plot(own.distance, own.lost_share, **THEORY)


def _draw_kept(axes: Axes, rows: DataFrame, theory: DataFrame, look: dict[str, Any]) -> None:
    scales = sorted(rows.loss_scale.unique())
    found = {k: [v for v in kept_by_seed(rows, FLOAT16, k) if not math.isnan(v)] for k in scales}
    found = {k: values for k, values in found.items() if values}
    middle = [sum(values) / len(values) for values in found.values()]
    low, high = (list(map(end, found.values())) for end in (min, max))
    if found:
        band(axes, list(found), middle, low, high, **look | {"markevery": 1, "label": "_"})
    axes.plot(scales, [kept_in_theory(theory, rows, FLOAT16, k) for k in scales], **THEORY)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Layers that float16 keeps with and without scaling, and what a layer costs."""
    shares, theory = tables["shares"], tables["theory"]
    least, most = int(shares.loss_scale.min()), int(shares.loss_scale.max())
    numbers = {
        "seeds": Number(int(shares.seed.nunique())),
        "examples": Number(int(shares.probe_examples.iloc[0])),
        "least": Number(least),
        "most": Number(most),
        "smallest": Number(SMALLEST_EXPONENT),
    }
    parts = []
    for position, rows in enumerate(variants(shares)):
        keys = {name: f"{name}_{position}" for name in ("decades", "range", "kept", "theory")}
        decades = decades_per_layer(theory, rows)
        numbers[keys["decades"]] = Number(decades, digits=3)
        span = -SMALLEST_EXPONENT * math.log10(2) / decades if decades > 0 else math.nan
        numbers[keys["range"]] = Number(span, digits=3)
        kept = [v for v in kept_by_seed(rows, FLOAT16, least) if not math.isnan(v)]
        said = f"{network_name(rows.iloc[0])}: the gradient keeps its size"
        if decades > FALLS:
            said = f"{network_name(rows.iloc[0])}: it falls [[{keys['decades']}]] decades a layer"
            said += rf", so that [[{keys['range']}]] layers take a gradient from 1 to that number"
        if kept:
            numbers[keys["kept"]] = Number.over_seeds(kept)
            numbers[keys["theory"]] = Number(kept_in_theory(theory, rows, FLOAT16, least), digits=3)
            said += f"; half is lost [[{keys['kept']}]] layers below the output"
            if not math.isnan(numbers[keys["theory"]].value):
                said += f" (theory [[{keys['theory']}]])"
        elif decades <= FALLS:
            lost = chosen(rows, FLOAT16, least).groupby("seed").lost_share.mean()
            numbers[keys["kept"]] = Number.over_seeds([100 * one for one in lost], unit=r"\%")
            said += f", and of all entries [[{keys['kept']}]] are lost"
        parts.append(said)
    first = _steepest(shares, theory)
    text = (
        r"Entries of the weight gradient that become 0 in a floating-point format, before training "
        rf"({numbers_of(shares, 'depth')} layers, width {numbers_of(shares, 'width')}, "
        rf"[[examples]] images of {datasets_named(shares)}, [[seeds]] seeds, bands: their range; "
        r"computed in float64 and cast, so that arithmetic in the format itself loses no less). "
        r"Black: wide networks, from their predicted norms and Gaussian error signals, where a "
        r"batch's activations are alike; nothing fitted. "
    )
    text += only(
        "a",
        r"(a) float16, whose smallest number is $2^{[[smallest]]}$. " + f"{'; '.join(parts)}. ",
    )
    text += only("b", f"(b) Three formats, {network_name(first.iloc[0])}. ")
    text += only(
        "c",
        r"(c) Layers below the output until float16 loses half of a layer, with the loss times "
        r"$2^k$, $k = [[least]]$ to $[[most]]$: each doubling wins $\log_{10} 2$ decades.",
    )
    return Caption(text, numbers)
