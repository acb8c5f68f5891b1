"""What a scan of learning rates says: at which rates an optimizer learns, and where it explodes.

The rate of each optimizer is in a unit of its own (SGD's multiplies the gradient; a thousandth of
LARS's, and all of LAMB's, is a layer's relative change), so that optimizers are compared by the
relative change ‖ΔW‖/‖W‖ of a layer at their first step.
"""

import math
from collections.abc import Sequence

import numpy as np
from pandas import DataFrame

from gradient_atlas.measures.layers import STABLE_DECADES
from gradient_atlas.measures.runs import by_seed

# A gradient that has left the orders of magnitude in which the source calls a norm stable.
EXPLODED = 10**STABLE_DECADES
# A run has learnt if its last loss is below this share of guessing's, ln(classes).
LEARNT_SHARE = 0.9


def run_ends(metrics: DataFrame) -> DataFrame:
    """One row a run: first and final loss, growth of the gradient norm, whether it learnt.

    growth is the largest gradient norm of the logged steps over the first one; it and the final
    loss are infinite for a run that diverged.
    """
    ends = []
    runs = metrics.sort_values("step").groupby(["optimizer", "learning_rate", "seed"], sort=True)
    for (optimizer, rate, seed), rows in runs:
        ok = bool((rows.status == "ok").all())
        norms, guessing = rows.gradient_norm, math.log(rows.classes.iloc[0])
        final = float(rows.train_loss.iloc[-1]) if ok else math.inf
        ends.append(
            {
                "optimizer": optimizer,
                "learning_rate": float(rate),
                "seed": int(seed),
                "first_loss": float(rows.train_loss.iloc[0]),
                "final_loss": final,
                "growth": float(norms.max() / norms.iloc[0]) if ok else math.inf,
                "learnt": final < LEARNT_SHARE * guessing,
            }
        )
    columns = ["optimizer", "learning_rate", "seed", "first_loss", "final_loss", "growth", "learnt"]
    return DataFrame(ends, columns=columns)


def largest_rates(ends: DataFrame, optimizer: str) -> dict[int, float]:
    """By seed, the largest rate of the scan at which the optimizer learns; nan if at none."""
    rows = ends[ends.optimizer == optimizer]
    return {
        int(seed): float(one.learning_rate[one.learnt].max()) for seed, one in rows.groupby("seed")
    }


def most_exploding(ends: DataFrame, optimizer: str) -> DataFrame:
    """The runs at the rate whose least growth over the seeds is largest: the clearest case."""
    rows = ends[ends.optimizer == optimizer]
    if rows.empty:
        return rows
    least = rows.groupby("learning_rate").growth.min()
    return rows[rows.learning_rate == least.idxmax()].sort_values("seed")


def at_largest_rates(gradients: DataFrame, ends: DataFrame, optimizer: str) -> DataFrame:
    """First-step rows of each seed's run at the largest rate at which it learns."""
    rows = gradients[(gradients.step == 0) & (gradients.optimizer == optimizer)]
    rates = rows.seed.map(largest_rates(ends, optimizer))
    return rows[rows.learning_rate == rates]


def relative_changes(rows: DataFrame) -> dict[int, float]:
    """By seed, the geometric mean over layers of ‖ΔW‖/‖W‖."""
    seeds = [int(seed) for seed in sorted(rows.seed.unique())]
    return dict(
        zip(seeds, by_seed(rows, lambda one: geometric_mean(one.update_ratio)), strict=True)
    )


def trust_ratios(gradients: DataFrame, optimizer: str) -> DataFrame:
    """First-step rows at the optimizer's middle rate, with ‖ΔW‖ / (η ‖∇W‖) a layer.

    ‖ΔW‖ is update_ratio times weight_norm; the probe batch's gradient stands for the minibatch's.
    The first update is proportional to η, so that the rate does not matter.
    """
    rows = gradients[(gradients.step == 0) & (gradients.optimizer == optimizer)]
    rates = np.sort(rows.learning_rate.unique())
    if not len(rates):
        return rows.assign(trust_ratio=math.nan)
    rows = rows[rows.learning_rate == rates[len(rates) // 2]]
    change = rows.update_ratio * rows.weight_norm
    return rows.assign(trust_ratio=change / (rows.learning_rate * rows.weight_gradient_norm))


def geometric_mean(values: Sequence[float]) -> float:
    """exp of the mean logarithm; nan of none."""
    return float(np.exp(np.mean(np.log(values)))) if len(values) else math.nan
