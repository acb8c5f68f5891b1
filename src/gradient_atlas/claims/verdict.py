"""The rule by which values decide a sentence, and how many seeds would decide what is open.

A claim is of one of five kinds, by what its sentence says:

    mean      of a typical network: the interval of the mean over seeds against the bounds
    every     of each network: its worst case, over ``ENOUGH`` seeds or more
    some      what "can" or "may" happen: one shown case, which every seed must show again
    exact     a number without randomness
    identity  what holds for any network by definition; it is checked, and is no verdict

The interval is Student's, two-sided at ``CONFIDENCE``, so that a mean on the wrong side of a bound
passes for one on the right side in one of a thousand claims at most. Of 150 claims decided at once
at least one is wrong with a chance of at most 15 %, however they hang together (Bonferroni), and
that only if every mean lay exactly on its bound. All this holds of the kind ``mean`` alone. Five of
five seeds, which support ``every`` and ``some``, are also what a share of one half gives in 3 % of
all cases; they exclude, at 95 %, only that the sentence fails in 45 % of networks or more. The
interval takes the
seeds' values for a normal sample: a share or a count that is the same for every seed has no width,
so such a claim is one of the kind ``every``.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

SUPPORTED, REFUTED = "supported", "refuted"
# Measured, but the interval holds a bound, the seeds disagree, or there are too few.
UNDECIDED = "undecided"
NOT_MEASURED = "not measured"  # the config has no such run
IDENTITY = "identity"
KINDS = ("mean", "every", "some", "exact", "identity")
CONFIDENCE = 0.998
ENOUGH = 5
_MOST_SEEDS = 10_000  # nobody trains more


def interval(kind: str, values: Sequence[float]) -> tuple[float, float]:
    """What stands for the values beside the bounds: the mean's interval, or all they span.

    Of a single value or of values that are not all finite the interval of a mean is unbounded on
    the sides that are not known; nan without values.
    """
    if not len(values):
        return math.nan, math.nan
    if kind != "mean":
        return float(min(values)), float(max(values))
    if not np.isfinite(values).all():
        return (
            -math.inf if min(values) < math.inf else math.inf,
            math.inf if max(values) > -math.inf else -math.inf,
        )
    half = half_width(len(values), _deviation(values) if len(values) > 1 else math.inf)
    # Rounding must not take the mean of equal values out of their range.
    middle = float(np.clip(np.mean(values), min(values), max(values)))
    return middle - half, middle + half


def _deviation(values: Sequence[float]) -> float:
    """The sample's standard deviation: of equal values 0, which rounding may make another."""
    return float(np.std(values, ddof=1)) if min(values) < max(values) else 0.0


def half_width(samples: int, deviation: float) -> float:
    """Half the width of the interval of a mean of so many values with this standard deviation."""
    if samples < 2:
        return math.inf
    if deviation == 0:
        return 0.0
    quantile = float(stdtrit(samples - 1, 1 - (1 - CONFIDENCE) / 2))
    return quantile * deviation / math.sqrt(samples)


def verdict(kind: str, values: Sequence[float], lower: float, upper: float) -> str:
    """Return the verdict; a nan among the values leaves open what the others may say.

    Not of an identity, which says nothing of a run that is not there.
    """
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return NOT_MEASURED
    inside = [lower <= value <= upper for value in known]
    if kind == "identity" and all(inside):
        return IDENTITY
    if len(known) < len(values):
        return UNDECIDED
    if kind in ("exact", "identity"):
        return SUPPORTED if all(inside) else REFUTED
    if kind == "every":
        if not all(inside):
            return REFUTED
        return SUPPORTED if len(known) >= ENOUGH else UNDECIDED
    low, high = interval(kind, known)
    if kind == "some":
        sides = set(inside) if len(known) > 1 else set()
    elif np.isfinite(known).all():
        sides = {True} if lower <= low and high <= upper else set()
        sides |= {False} if high < lower or low > upper else set()
    else:
        # A diverged run has left every bound, but it never speaks for a sentence: all must be out.
        sides = {False} if len(known) > 1 and not any(inside) else set()
    if sides == {True}:
        return SUPPORTED
    return REFUTED if sides == {False} else UNDECIDED


def margin(found: str, low: float, high: float, lower: float, upper: float) -> float:
    """Distance between the interval and the bound whose crossing would change the verdict.

    Negative where the verdict is open: how far the interval reaches over the bound.
    """
    if math.isnan(low):
        return math.nan
    inside = min(low - lower, upper - high)
    outside = max(lower - high, low - upper)
    return outside if found == REFUTED else inside if found != UNDECIDED else max(inside, outside)


def seeds_to_decide(kind: str, values: Sequence[float], lower: float, upper: float) -> float:
    """Seeds that would decide an open claim if mean and spread stay as they are.

    inf where more than ``_MOST_SEEDS`` would be needed, or where no number of seeds helps.
    """
    known = [value for value in values if not math.isnan(value)]
    if kind == "every":
        return ENOUGH
    if kind != "mean" or len(known) < 2 or not np.isfinite(known).all():
        return math.inf
    middle, deviation = float(np.clip(np.mean(known), min(known), max(known))), _deviation(known)
    distance = min(abs(middle - bound) for bound in (lower, upper) if math.isfinite(bound))
    least, most = len(known), _MOST_SEEDS
    if half_width(most, deviation) >= distance:
        return math.inf
    while least + 1 < most:
        between = (least + most) // 2
        if half_width(between, deviation) < distance:
            most = between
        else:
            least = between
    return most
