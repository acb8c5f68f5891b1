"""What a warm-up does to the largest stable rate, to sharpness and to the loss."""

import numpy as np
from pandas import DataFrame

_RUN = ["seed", "warmup", "scaled_rate"]


def ends(table: DataFrame) -> DataFrame:
    """The last row of each run of table ``warmup``: seed, warm-up and rate."""
    return table.sort_values("step").groupby(_RUN, as_index=False).last()


def largest_rates(table: DataFrame) -> DataFrame:
    """By seed (rows) and warm-up (columns) the largest scaled rate up to which no rate of the scan
    diverges; nan if the smallest does."""
    last = ends(table).sort_values("scaled_rate")
    stable = (last["status"] == "ok").groupby([last["seed"], last["warmup"]]).cummin()
    return last.assign(rate=last["scaled_rate"].where(stable)).pivot_table(
        index="seed", columns="warmup", values="rate", aggfunc="max", dropna=False
    )


def gain(table: DataFrame) -> list[float]:
    """By seed the largest stable rate with the longest warm-up over that without any; nan where one
    of them is not known, [] where the table has no run without a warm-up or none with one."""
    rates = largest_rates(table)
    if 0 not in rates or len(rates.columns) < 2:
        return []
    return (rates[max(rates.columns)] / rates[0]).tolist()


def next_rate(table: DataFrame) -> float:
    """The least factor between neighbouring rates of the scan; nan of one rate alone."""
    rates = np.sort(table["scaled_rate"].unique())
    return float((rates[1:] / rates[:-1]).min()) if len(rates) > 1 else float("nan")


def rise_without(table: DataFrame) -> list[float]:
    """By seed the least growth of the loss, largest over first, among the rates above the edge
    without a warm-up."""
    own = table[(table["warmup"] == 0) & (table["scaled_rate"] > 1)]
    first = own[own["step"] == 0].set_index(_RUN)["train_loss"]
    growth = own.groupby(_RUN)["largest_loss"].max() / first
    return growth.groupby("seed").min().tolist()


def flattening(table: DataFrame) -> DataFrame:
    """A row a seed of the longest warm-up at the shown rate: ``ratio``, sharpness at the first
    measured step after the warm-up over that at the start (inf if it diverges, nan if it ends
    before), and ``edge``, the same times η/2, where 1 is the edge of the whole rate."""
    own = table[table["shown"] & (table["warmup"] == table["warmup"].max())]
    own = own[own["warmup"] > 0]
    rows = []
    for seed, run in own.groupby("seed"):
        after = run[(run["step"] >= run["warmup"]) & run["sharpness"].notna()]
        lost = (run["status"] == "diverged").any()
        value = np.inf if lost else after["sharpness"].iloc[0] if len(after) else np.nan
        first = run.iloc[0]
        ratio, edge = value / first["start_sharpness"], value * first["learning_rate"] / 2
        rows.append({"seed": seed, "ratio": ratio, "edge": edge})
    return DataFrame(rows, columns=["seed", "ratio", "edge"])
