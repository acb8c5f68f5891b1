"""What tables of sharpness say about the edge 2/η. Needs neither torch nor a network."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from gradient_atlas.measures.layers import STABLE_DECADES

# "Hovers right at, or just above, 2/η" (Cohen et al. 2021), who name no number, is taken as within
# a few per cent.
NEAR = 0.05
# The error signal of a squared loss is the root of the loss: a gradient that leaves its orders of
# magnitude is a loss that leaves twice as many.
EXPLODED_LOSS = 10.0 ** (2 * STABLE_DECADES)
WINDOWS = 10  # equal parts of a run in which medians are taken
KEYS = ["activation", "learning_rate"]
OF_A_RUN = [
    *KEYS, "seed", "status", "start", "late", "middle", "second", "along", "rises", "exploded",
    "due",
]  # fmt: skip


def measured(descent: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``descent`` at which sharpness was measured, with ``ratio`` = S η / 2 added."""
    rows = descent[descent["sharpness"].notna()].copy()
    rows["ratio"] = rows["sharpness"] * rows["learning_rate"] / 2
    return rows


def runs(descent: pd.DataFrame, flow: pd.DataFrame) -> pd.DataFrame:
    """One row a run, in order of activation, learning_rate and seed.

    Args:
        descent: table ``sharpness`` of any activations, learning rates and seeds.
        flow: table ``flow_sharpness`` of the same networks and seeds.

    Returns:
        activation, learning_rate, seed; ``status`` at the end; ``start``, the ratio S η / 2 at step
        0; ``late``, its median over the last third of the steps, and ``middle`` over the third
        before; ``second``, the second eigenvalue's median in the last third, and ``along``, that of
        the curvature along the steps, in the same unit; ``rises``: the share of the steps that
        raise the loss. For a diverged run ``late`` and ``middle`` are inf, since it stays at no
        edge, ``second`` and ``along`` nan. ``exploded`` is how near to the edge a run was measured
        whose loss grew by ``EXPLODED_LOSS``, the least |S η / 2 - 1|; inf for any other run.
        ``due``: whether the flow of the same network reaches S = 2/η by the time t = kη of two
        thirds of the steps, and the run has been at the edge or has at least survived, in every
        seed of the rate. It tells a
        rate that had no time to reach the edge from one that avoids it.
    """
    rows = []
    for (activation, learning_rate, seed), run in descent.groupby([*KEYS, "seed"]):
        run = run.sort_values("step")
        points, planned, unit = measured(run), run["steps"].iloc[0], learning_rate / 2
        survived = run["status"].iloc[-1] == "ok"
        distance = (points["ratio"] - 1).abs()
        growth = run["train_loss"].max() / run["train_loss"].iloc[0]
        explodes = not survived or growth > EXPLODED_LOSS
        own = flow[(flow["activation"] == activation) & (flow["seed"] == seed)]
        crossing = own["time"][own["sharpness"] >= 2 / learning_rate].min()
        in_time = crossing <= 2 / 3 * planned * learning_rate
        late = points[points["step"] >= 2 / 3 * planned]
        middle = points[points["step"].between(planned / 3, 2 / 3 * planned, inclusive="left")]
        steps = run.loc[run["step"] >= 2 / 3 * planned, "step_curvature"]
        rows.append(
            {
                "activation": activation,
                "learning_rate": learning_rate,
                "seed": seed,
                "status": run["status"].iloc[-1],
                "start": points["ratio"].iloc[0],
                "late": late["ratio"].median() if survived else math.inf,
                "middle": middle["ratio"].median() if survived else math.inf,
                "second": late["second_eigenvalue"].median() * unit if survived else math.nan,
                "along": steps.median() * unit if survived else math.nan,
                "rises": float((run["train_loss"].diff().iloc[1:] > 0).mean()),
                "exploded": distance.min() if explodes else math.inf,
                "due": bool(in_time and (survived or (distance <= NEAR).any())),
            }
        )
    table = pd.DataFrame(rows, columns=OF_A_RUN).astype({"due": bool})
    # One seed that gets there is no rate that does.
    table["due"] = table.groupby(KEYS)["due"].transform("all").astype(bool)
    return table


def windows(descent: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Median ratio S η / 2 of each run in each tenth of its steps, of the due runs of ``table``.

    Columns: activation, learning_rate, seed, ``window`` (1 to ``WINDOWS``), ``ratio``.
    """
    due = table.loc[table["due"], [*KEYS, "seed"]]
    points = measured(descent).merge(due, on=[*KEYS, "seed"])
    part = np.ceil(points["step"] * WINDOWS / points["steps"]).clip(lower=1).astype(int)
    points = points.assign(window=part)
    return points.groupby([*KEYS, "seed", "window"], as_index=False)["ratio"].median()


def at_the_edge(table: pd.DataFrame, activation: str) -> pd.DataFrame:
    """The runs at the one rate, due for every seed, whose mean over seeds ends farthest from 1.

    One rate for all seeds: the worst of each would be worse than any. Empty where no rate is due.
    """
    own = table[table["activation"] == activation]
    due = own[own.groupby("learning_rate")["due"].transform("all")]
    return _extreme(due, lambda late: abs(late.mean() - 1), largest=True, column="late")


def nearest_explosion(table: pd.DataFrame) -> pd.DataFrame:
    """The runs of the network and rate whose explosions began nearest to the edge: over all seeds,
    where the farthest of them is nearest."""
    return _extreme(table, lambda exploded: exploded.max(), largest=False, column="exploded")


def _extreme(
    table: pd.DataFrame, score: Callable[[pd.Series], float], largest: bool, column: str
) -> pd.DataFrame:
    if table.empty:
        return table
    scores = table.groupby(KEYS)[column].agg(score)
    best = scores.idxmax() if largest else scores.idxmin()
    chosen = (table["activation"] == best[0]) & (table["learning_rate"] == best[1])
    return table[chosen].sort_values("seed")


def passing(descent: pd.DataFrame, flow: pd.DataFrame) -> pd.DataFrame:
    """A row for each activation, rate and seed: the flow's S η / 2 at its start and its largest,
    at the rates at which no run of descent diverged."""
    rows = []
    lost = descent.groupby(KEYS)["status"].agg(lambda status: (status == "diverged").any())
    for activation, rate in lost.index[~lost.to_numpy()]:
        for seed, path in flow[flow["activation"] == activation].groupby("seed"):
            ratios = path.sort_values("time")["sharpness"] * rate / 2
            rows.append((activation, rate, seed, float(ratios.iloc[0]), float(ratios.max())))
    return pd.DataFrame(rows, columns=[*KEYS, "seed", "start", "largest"])


def passed(table: pd.DataFrame, activation: str) -> pd.DataFrame:
    """Of ``passing`` the rows of the largest rate whose edge lies above the flow's start, in every
    seed: an edge can be passed only from below, and the lowest leaves the most time beyond it."""
    own = table[table["activation"] == activation]
    below = own[own.groupby("learning_rate")["start"].transform("max") < 1]
    return below[below["learning_rate"] == below["learning_rate"].max()].sort_values("seed")
