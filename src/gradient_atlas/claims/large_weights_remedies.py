"""What the sources say helps against weights that are too large, each alone."""

import math

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.words import GUESSING, listed, rate_of, size_of
from gradient_atlas.measures.runs import (
    by_seed,
    diverged,
    divergence_steps,
    final_loss,
    last_rows,
    of_variant,
)


def remedies(gradients: DataFrame, metrics: DataFrame) -> list[Claim]:
    """Clipping, He initialisation, weight decay and a smaller rate, each alone."""
    found = []

    def alive(claim: str, variant: str, source: str, statement: str, remark: str = "") -> None:
        runs = of_variant(metrics, variant)
        found.append(
            Claim(
                claim=claim,
                source=source,
                statement=statement,
                condition=f"{_describe(runs)}; bound: no seed diverges",
                quantity="1 if loss or gradient became inf or nan, else 0",
                values=diverged(runs),
                upper=0.0,
                remark=remark,
            )
        )

    mitigates = "clipping at 1 or He initialisation mitigates weights from N(0,10)"
    for name, variant in (("clipping", "shallow_clipped_1"), ("he", "shallow_he")):
        alive(f"clipping-or-he-mitigates/{name}-alive", variant, "V section 6", mitigates)
        runs = of_variant(metrics, variant)
        found.append(
            Claim(
                claim=f"clipping-or-he-mitigates/{name}-learns",
                source="V section 6",
                statement=mitigates,
                condition=f"{_describe(runs)}; bound: mitigated is a final loss below that of "
                "guessing, ln 10",
                quantity="training loss after the last update",
                values=final_loss(runs),
                upper=GUESSING,
                unit="nat",
                remark=_too_small(runs) if name == "clipping" else "",
            )
        )  # fmt: skip
    clipping = "gradients whose norm passes the threshold (1 or 5) are scaled down to it"
    for limit in (1, 5):
        runs = metrics[metrics.clip_norm.astype(float) == limit]
        found.append(
            Claim(
                claim=f"clipping-caps/norm-{limit}",
                source="V section 5 (exploding gradients 1)",
                statement=clipping,
                condition="every logged step with a finite gradient of all runs that are clipped "
                f"at {limit} ({', '.join(runs.variant.unique())}); bound: the threshold",
                quantity="largest norm after clipping",
                values=by_seed(runs, lambda seed: seed.clipped_gradient_norm.max()),
                upper=float(limit),
            )
        )
    clipping = "clipping at a common threshold is a solution for exploding gradients"
    too_small = _too_small(of_variant(metrics, "shallow_clipped_1"))
    for name, variant, remark in (
        ("large-weights", "shallow_clipped_1", too_small),
        ("large-rate", "he_fast_clipped", _unclipped(metrics)),
        ("large-weights-deep", "relu_1_clipped", "Activations overflow at σ √(n/2) a layer in the "
         "forward pass; there is no finite gradient that could be scaled down."),
    ):  # fmt: skip
        alive(f"clipping-caps/{name}-alive", variant, "V section 5, 6", clipping, remark)
    decay = "L2 regularisation keeps weights small, which is a solution for exploding gradients"
    alive("weight-decay-keeps-small/explosion", "shallow_decay", "V section 5", decay,
          "Decay takes the share ηλ off the weights in a step; the first update has made them "
          "larger by many decades before.")  # fmt: skip
    found.append(_decayed(gradients, decay))
    slow = "η = 0.001 instead of 0.1 prevents large updates"
    alive("small-rate-is-stable/he", "he_slow", "V section 5", slow, _faster(metrics))
    alive("small-rate-is-stable/large-weights", "shallow_slow", "V section 5", slow,
          "The gradient at the start is larger than the weights by more decades than the two "
          "that a rate a hundred times smaller takes off.")  # fmt: skip
    pairs = zip(*(final_loss(of_variant(metrics, v)) for v in ("he_slow", "he")), strict=False)
    runs = of_variant(metrics, "he_slow")
    found.append(
        Claim(
            claim="small-rate-is-stable/loss",
            source="V section 5",
            statement=slow,
            condition=f"{_describe(runs)}, against η = 0.1; bound: the lower loss",
            quantity="final training loss with η = 0.001 minus that with η = 0.1",
            values=[slow_loss - fast_loss for slow_loss, fast_loss in pairs],
            upper=0.0,
            unit="nat",
        )
    )
    return found


def _decayed(gradients: DataFrame, statement: str) -> Claim:
    """The whole network's weight norm, with over without decay, after the same updates."""

    def norms(variant: str) -> list[float]:
        rows = of_variant(gradients, variant)
        last = rows[rows.step == rows.step.max()]
        return by_seed(last, lambda seed: float(np.linalg.norm(seed.weight_norm)))

    runs = of_variant(gradients, "shallow_he_decay")
    pairs = zip(norms("shallow_he_decay"), norms("shallow_he"), strict=False)
    return Claim(
        claim="weight-decay-keeps-small/weights",
        source="V section 5",
        statement=statement,
        condition=f"{_describe(runs)}, against no decay; bound: smaller",
        quantity="norm of all weights after training, with over without decay",
        values=[with_decay / without for with_decay, without in pairs],
        upper=1.0,
    )


def _too_small(runs: DataFrame) -> str:
    """Why a clipped run that starts far out stays there."""
    if runs.empty:
        return ""
    first, last = runs.iloc[0], last_rows(runs)
    hidden = first.width * float(first.weight_std) * math.sqrt(first.depth)
    share = first.learning_rate * float(first.clip_norm) / hidden
    return (
        f"It is alive at a loss of {last.train_loss.mean():.2g} nats: an update of norm η times "
        f"the threshold moves weights of norm √(layers) n σ by {share:.0e} of it, so that "
        f"{int(last.step.max())} updates cannot leave the start."
    )


def _faster(metrics: DataFrame) -> str:
    lost = diverged(of_variant(metrics, "he"))
    return f"With η = 0.1 {int(sum(lost))} of {len(lost)} seeds diverge." if lost else ""


def _unclipped(metrics: DataFrame) -> str:
    steps = divergence_steps(of_variant(metrics, "he_fast"))
    return f"Without clipping it diverges at step {listed(steps)}." if steps else ""


def _describe(runs: DataFrame) -> str:
    """One run's condition in words; what it says is read from the table."""
    if runs.empty:
        return size_of(runs)
    first = runs.iloc[0]
    weights = "He"
    if first.initialization == "normal":
        weights = f"weights of standard deviation {float(first.weight_std):g}"
    extra = f", λ = {first.weight_decay:g}" if first.weight_decay else ""
    if first.clip_norm is not None and math.isfinite(float(first.clip_norm)):
        extra += f", clipped at {float(first.clip_norm):g}"
    extra += f", {int(last_rows(runs).step.max())} updates"
    return f"{first.activation}, {size_of(runs)}, {weights}, {rate_of(runs)}{extra}"
