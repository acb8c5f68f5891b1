"""Where narrow formats lose a network's gradient, read off the tables.

A layer's place is its distance from the output: the output layer's is 0.
"""

import math
from collections.abc import Iterator

import numpy as np
from pandas import DataFrame

HALF = 0.5  # share of a layer's entries from which it counts as lost
KIND = ("variant",)
FLOAT16, SMALLEST_EXPONENT = "float16", -24


def variants(shares: DataFrame) -> Iterator[DataFrame]:
    """The rows of each network, in the order of the table."""
    for _, rows in shares.groupby(list(KIND), sort=False):
        yield rows


def placed(rows: DataFrame, depth: int) -> DataFrame:
    """The rows with the layer's ``distance`` from the output."""
    return rows.assign(distance=depth - rows.layer)


def depth_of(rows: DataFrame) -> int:
    return int(rows.depth.iloc[0])


def chosen(rows: DataFrame, name: str, loss_scale: int) -> DataFrame:
    """The rows of a format and loss scale."""
    return rows[(rows.format == name) & (rows.loss_scale == loss_scale)]


def layers_kept(rows: DataFrame) -> float:
    """Layers below the output until half of a layer's entries are lost, interpolated.

    rows: with ``distance``, one a layer. nan where half is lost at the output or nowhere.
    """
    ordered = rows.sort_values("distance")
    share, place = ordered.lost_share.to_numpy(float), ordered.distance.to_numpy(float)
    beyond = np.flatnonzero(share >= HALF)
    if not len(beyond) or beyond[0] == 0:
        return math.nan
    end = beyond[0]
    part = (HALF - share[end - 1]) / (share[end] - share[end - 1])
    return float(place[end - 1] + part * (place[end] - place[end - 1]))


def kept_by_seed(rows: DataFrame, name: str, loss_scale: int) -> list[float]:
    """``layers_kept`` of one network's seeds in a format at a loss scale."""
    here = placed(chosen(rows, name, loss_scale), depth_of(rows))
    return [layers_kept(one) for _, one in here.groupby("seed")]


def kept_in_theory(theory: DataFrame, rows: DataFrame, name: str, loss_scale: int) -> float:
    """``layers_kept`` as predicted for the network of ``rows``."""
    own = theory[theory.variant == rows.variant.iloc[0]]
    return layers_kept(placed(chosen(own, name, loss_scale), depth_of(rows)))


def decades_per_layer(theory: DataFrame, rows: DataFrame) -> float:
    """Decades that the predicted rms of an entry falls per layer towards the input.

    Of a straight line through all predicted layers but the last; nan of fewer than three.
    """
    own = theory[theory.variant == rows.variant.iloc[0]].drop_duplicates("layer")
    own = placed(own, depth_of(rows)).query("distance > 0")
    if len(own) < 3:
        return math.nan
    return float(-np.polyfit(own.distance, own.log10_rms, 1)[0])


def layers_gained(rows: DataFrame) -> list[float]:
    """By seed, what the largest loss scale adds to the layers that float16 keeps."""
    least, most = int(rows.loss_scale.min()), int(rows.loss_scale.max())
    pairs = zip(kept_by_seed(rows, FLOAT16, least), kept_by_seed(rows, FLOAT16, most), strict=True)
    return [with_it - without for without, with_it in pairs]


def gained_in_theory(theory: DataFrame, rows: DataFrame) -> float:
    """Doublings of the loss over those that a layer costs: k log10 2 over decades per layer."""
    doublings = int(rows.loss_scale.max()) - int(rows.loss_scale.min())
    decades = decades_per_layer(theory, rows)
    return doublings * math.log10(2) / decades if decades > 0 else math.nan


def gap_shares(shares: DataFrame) -> list[float]:
    """By seed, of float16's entries between 2^-25 and 2^-24 the share that became 0."""
    rows = shares[(shares.format == FLOAT16) & shares.gap_share.notna()]
    return [float(one.gap_share.mean()) for _, one in rows.groupby("seed")]
