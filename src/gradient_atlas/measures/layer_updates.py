"""How far updates move each layer, relative to its weights."""

import numpy as np
from pandas import DataFrame, Series


def relative_speed(rows: DataFrame) -> Series:
    """By seed of one network, ‖ΔW‖/‖W‖ of layer 1 over that of the last, median over steps."""
    ratios = rows.pivot_table(index=["seed", "step"], columns="layer", values="update_ratio")
    if ratios.empty:
        return Series(dtype=float)
    return (ratios.iloc[:, 0] / ratios.iloc[:, -1]).groupby("seed").median()


def way(rows: DataFrame, layer: int) -> Series:
    """By seed, Σ over all updates of ‖ΔW‖/‖W‖ in a layer, by the trapezoid rule over logged steps.

    ‖W_end - W_0‖/‖W_0‖ is no larger, up to the change of ‖W‖.
    """
    rows = rows[(rows["layer"] == layer) & rows["update_ratio"].notna()].sort_values("step")
    found = {
        seed: float(np.trapezoid(one["update_ratio"], one["step"]))
        for seed, one in rows.groupby("seed")
    }
    return Series(found, dtype=float)


def changed_in_float32(rows: DataFrame, layer: int) -> Series:
    """By seed, the largest share of a layer's weights that any logged update changes in float32."""
    rows = rows[rows["layer"] == layer]
    return rows.groupby("seed")["float32_changed_fraction"].max()
