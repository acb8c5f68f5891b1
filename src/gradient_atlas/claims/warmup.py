"""Whether a warm-up leads descent out of a sharp start into regions that tolerate a higher rate."""

import math

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.measures.warmup import (
    flattening,
    gain,
    largest_rates,
    next_rate,
    rise_without,
)
from gradient_atlas.runs.names import name_of

SOURCE = "Gilmer et al. 2022"


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Instability without a warm-up, a flatter place with one, and a higher rate there."""
    table = tables["warmup"]
    return [_without(table), _flatter(table), _higher(table)]


def _setting(table: DataFrame) -> str:
    if table.empty:
        return "not in the config"
    first = table.iloc[0]
    widths = ", ".join(map(str, first["hidden_widths"])) or "none"
    return (
        f"full batch of {first['examples']} examples of {name_of(first['dataset'])}, "
        f"{name_of(first['activation'])} network, hidden widths {widths}, weights "
        f"{first['weight_scale']:g} times the usual, squared loss, {first['steps']} steps"
    )


def _longest(table: DataFrame) -> int:
    """Steps of the longest warm-up; 0 where there is none."""
    return int(table["warmup"].max()) if len(table) else 0


def _rates(rates: list[float]) -> str:
    return ", ".join(f"{rate:g}" for rate in sorted(rates))


def _without(table: DataFrame) -> Claim:
    above = table.loc[(table["warmup"] == 0) & (table["scaled_rate"] > 1), "scaled_rate"].unique()
    return Claim(
        claim="warmup/unstable-without",
        source="Cohen et al. 2021",
        statement="if the sharpness exceeds 2/η gradient descent is quickly destabilised, as on a "
        "quadratic",
        condition=f"{_setting(table)}, no warm-up, the sharpness of the start, "
        f"η = {_rates(list(above)) or 'none'} times 2/S, of them the one whose loss grows least; "
        "bound: destabilised is a loss above that at the start",
        quantity="largest loss over the first",
        values=rise_without(table),
        lower=float(np.nextafter(1, 2)),
        remark="One step from so far out may land where it is flatter, and then nothing grows.",
        kind="every",
    )


def _flatter(table: DataFrame) -> Claim:
    found = flattening(table)
    longest = _longest(table)
    rate = table.loc[table["shown"], "scaled_rate"].max()
    chosen = f"η = {rate:g} times 2/S at the start" if math.isfinite(rate) else "no rate"
    edge = found["edge"].mean()
    return Claim(
        claim="warmup/flatter",
        source=SOURCE,
        statement="warm-up lets the early trajectory navigate out of regions of high curvature and "
        "into flatter regions",
        condition=f"{_setting(table)}, "
        + (f"a warm-up of {longest} steps" if longest else "no warm-up in the config")
        + f", {chosen}; bound: flatter is a lower curvature than at the "
        "start",
        quantity="sharpness after the warm-up over that at the start",
        values=found["ratio"].tolist(),
        upper=1.0,
        remark=f"Then S η/2 is {edge:.2f} on average." if math.isfinite(edge) else "",
    )


def _higher(table: DataFrame) -> Claim:
    rates, least = largest_rates(table), next_rate(table)
    said = "; ".join(
        f"{int(warmup)} steps: {values.min():g} to {values.max():g}"
        for warmup, values in rates.items()
        if values.notna().any()
    )
    scan = _rates(list(table["scaled_rate"].unique()))
    longest = _longest(table)
    return Claim(
        claim="warmup/higher-rate",
        source=SOURCE,
        statement="flatter regions tolerate a higher learning rate: warm-up improves stability",
        condition=f"{_setting(table)}, a warm-up of {longest} steps against none, η = {scan} times "
        "2/S at the start; bound: higher is the next rate of the scan or more",
        quantity="largest rate up to which no run diverges, with the warm-up over without",
        values=gain(table) if math.isfinite(least) else [],
        lower=least if math.isfinite(least) else 1.0,
        remark=f"By warm-up, over seeds, in units of 2/S at the start: {said}." if said else "",
        kind="every",
    )
