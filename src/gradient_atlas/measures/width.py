"""Where the best learning rate of a scan lies at each width, and how far units move."""

import math

import numpy as np
from pandas import DataFrame

_RUN = ["parametrization", "width", "seed"]


def best_rates(table: DataFrame) -> DataFrame:
    """A row a parametrisation, width and seed of table ``width``: ``rate``, that of the scan with
    the least loss after the last step; of runs that did not diverge, nan if all did."""
    alive = table[(table["status"] == "ok") & np.isfinite(table["train_loss"])]
    best = alive.sort_values(["train_loss", "learning_rate"]).groupby(_RUN, as_index=False).first()
    found = best[[*_RUN, "learning_rate"]].rename(columns={"learning_rate": "rate"})
    return table[_RUN].drop_duplicates().merge(found, on=_RUN, how="left", sort=True)


def shifts(table: DataFrame, parametrization: str) -> list[float]:
    """By seed log2 of the widest network's best rate over the narrowest's; nan where one is not
    known, [] of one width alone."""
    best = best_rates(table[table["parametrization"] == parametrization])
    if best["width"].nunique() < 2:
        return []
    by_width = best.pivot(index="seed", columns="width", values="rate")
    ratio = by_width[by_width.columns.max()] / by_width[by_width.columns.min()]
    return [float(value) for value in np.log2(ratio)]


def exponents(coordinates: DataFrame, parametrization: str) -> DataFrame:
    """By seed (rows) and layer (columns) the exponent of the change in the width, by least squares
    on the logarithms; empty of one width alone, nan where a change is 0 or not finite."""
    own = coordinates[coordinates["parametrization"] == parametrization]
    if own["width"].nunique() < 2:
        return DataFrame()
    rows = [
        {"seed": seed, "layer": layer, "exponent": _slope(part["width"], part["change"])}
        for (seed, layer), part in own.groupby(["seed", "layer"])
    ]
    return DataFrame(rows).pivot(index="seed", columns="layer", values="exponent")


def _slope(width: object, change: object) -> float:
    x, y = np.asarray(width, dtype=float), np.asarray(change, dtype=float)
    if not (np.isfinite(y) & (y > 0)).all():
        return math.nan
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])
