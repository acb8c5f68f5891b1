"""What the singular values of random networks' Jacobians say, read off the tables.

A kind of network is ``variant`` of the config; whose activation, weights and variance are columns.
"""

import math
from collections.abc import Iterator

import numpy as np
from pandas import DataFrame

from gradient_atlas.measures.runs import final_loss

NEAR = 2.0  # a singular value between 1/NEAR and NEAR is nearer to 1 than to twice and to half of 1
WIDE = 20  # layers per width up to which a network is called wide: L ≤ n/WIDE
KIND = ("activation", "initialization", "variance")


def kinds(values: DataFrame) -> Iterator[DataFrame]:
    """The singular values of each kind of network, in the order of the table."""
    for _, rows in values.groupby(list(KIND), sort=False):
        yield rows


def variances(rows: DataFrame) -> DataFrame:
    """Of each network's squared singular values: seed, depth, mean, variance, relative.

    ``relative`` is the variance over the squared mean, of which the latter is 1 in the wide limit.
    """
    squares = rows.assign(square=rows.singular_value**2).groupby(["seed", "depth"]).square
    found = squares.agg(mean="mean", variance=lambda one: float(np.var(one))).reset_index()
    return found.assign(relative=found.variance / found["mean"] ** 2)


def shares_near_one(rows: DataFrame) -> list[float]:
    """By seed, the share of singular values within a factor ``NEAR`` of 1 at the largest depth."""
    deepest = rows[rows.depth == rows.depth.max()]
    near = deepest.singular_value.between(1 / NEAR, NEAR)
    return [float(one.mean()) for _, one in near.groupby(deepest.seed)]


def of_theory(theory: DataFrame, rows: DataFrame) -> DataFrame:
    """The predictions for a kind of network, by depth."""
    return theory[theory.variant.isin(rows.variant)].drop_duplicates("depth").sort_values("depth")


def ratios_to_limit(rows: DataFrame, theory: DataFrame, depth: float) -> list[float]:
    """By seed, ``relative`` of ``variances`` over L (μ_2/μ_1² - 1 - s_1) at a depth."""
    found = variances(rows[rows.depth == depth])
    limit = theory.variance_in_the_limit[theory.depth == depth]
    return [] if found.empty or limit.empty else (found.relative / limit.iloc[0]).tolist()


def width_of(rows: DataFrame) -> int:
    return int(rows.width.iloc[0])


def deepest_wide(rows: DataFrame) -> float:
    """The largest depth at which a kind of network still counts as wide; nan where none does."""
    if rows.empty:
        return math.nan
    depths = rows.depth[rows.depth <= width_of(rows) / WIDE]
    return float(depths.max()) if len(depths) else math.nan


def median_spectrum(rows: DataFrame) -> DataFrame:
    """At the largest depth the median over networks of each singular value: share, value.

    ``share`` is the share of singular values that are at least as large.
    """
    deepest = rows[rows.depth == rows.depth.max()]
    values = deepest.groupby("rank").singular_value.median()
    return DataFrame({"share": values.index / len(values), "value": values.to_numpy()})


def at_best_rate(metrics: DataFrame, initialization: str) -> DataFrame:
    """The runs of one initialisation at the rate whose mean last loss is least."""
    runs = metrics[metrics.initialization == initialization]
    if runs.empty:
        return runs
    ends = {rate: float(np.mean(final_loss(one))) for rate, one in runs.groupby("learning_rate")}
    return runs[runs.learning_rate == min(ends, key=lambda rate: ends[rate])]


def steps_to(metrics: DataFrame, loss: float) -> list[float]:
    """By seed, the updates after which the loss is first at most ``loss``; inf where it never is.

    Between two logged steps the loss is taken for linear.
    """
    found = []
    for _, run in metrics.sort_values("step").groupby("seed"):
        steps, losses = run.step.to_numpy(float), run.train_loss.to_numpy(float)
        reached = np.flatnonzero(losses <= loss)
        if not len(reached):
            found.append(math.inf)
        elif reached[0] == 0:
            found.append(0.0)
        else:
            end = reached[0]
            part = (losses[end - 1] - loss) / (losses[end - 1] - losses[end])
            found.append(float(steps[end - 1] + part * (steps[end] - steps[end - 1])))
    return found


def speed_ups(metrics: DataFrame) -> list[float]:
    """By seed, how many times the updates of a network without isometry one with isometry needs.

    Gaussian weights' last loss at their best rate is the mark; updates until they are there over
    those until the orthogonal network of the same seed is, at its own best rate. 0 where the
    orthogonal one never is; nothing of a seed whose Gaussian network diverged.
    """
    slow, fast = (at_best_rate(metrics, one) for one in ("xavier", "orthogonal"))
    found = []
    for seed in sorted(set(slow.seed) & set(fast.seed)):
        one, other = slow[slow.seed == seed], fast[fast.seed == seed]
        mark = final_loss(one)[0]
        if math.isfinite(mark):
            taken = steps_to(other, mark)[0]
            found.append(steps_to(one, mark)[0] / taken if taken else math.inf)
    return found
