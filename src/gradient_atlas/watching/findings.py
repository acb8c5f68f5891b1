"""What the table of a watched network says: does its signal vanish, and where. Needs no torch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.verdict import CONFIDENCE, interval
from gradient_atlas.measures.layers import STABLE_DECADES
from gradient_atlas.measures.modules import layers_of, signals, slopes, spans

VANISHES, EXPLODES, FLAT, UNDECIDED = "vanishes", "explodes", "flat", "undecided"
# Half of a module's units: most of what it could say is lost.
MANY = 0.5
STANDS_OUT = 2.0  # times the usual step; else all layers have their part in it
# The smallest number above 0 and the largest of a format (IEEE 754; bfloat16 has float32's range).
FORMATS = {"float16": (2.0**-24, 65504.0), "float32": (2.0**-149, float(np.finfo("f4").max))}


@dataclass(frozen=True)
class Finding:
    """One rule and what came out: a word, and the numbers behind it in one line."""

    rule: str
    verdict: str
    said: str

    def __str__(self) -> str:
        """Return the line that a user reads."""
        return f"{self.rule}: {self.verdict}; {self.said}"


def signal_verdict(values: Sequence[float]) -> str:
    """Whether spans vanish, explode or stay, by the interval of their mean over seeds."""
    if len(values) and max(values) < -STABLE_DECADES and not np.isfinite(values).all():
        return VANISHES  # underflow in some seed, and far down in every other
    low, high = interval("mean", values)
    if high < -STABLE_DECADES:
        return VANISHES
    if low > STABLE_DECADES:
        return EXPLODES
    return FLAT if low >= -STABLE_DECADES and high <= STABLE_DECADES else UNDECIDED


def findings(table: DataFrame) -> list[Finding]:
    """One finding a rule, of a network before its first update with several seeds."""
    if layers_of(table).empty:
        said = "no module has an error signal that is a number: the forward pass overflows"
        return [Finding("error signal", EXPLODES, said)]
    found = [_signal(table), _worst(table)]
    found += [
        _units(table, "dead units", "dead_fraction"),
        _units(table, "saturated units", "saturated_fraction"),
    ]
    return found + [_range(table, name) for name in FORMATS]


def _signal(table: DataFrame) -> Finding:
    whole, each = spans(table), [value for value in slopes(table) if math.isfinite(value)]
    low, high = interval("mean", each)
    layers = int(layers_of(table)["place"].max())
    said = (
        f"{np.mean(each):+.3f} decades a module towards the input ({100 * CONFIDENCE:g} % interval "
        f"{low:+.3f} to {high:+.3f}, {len(each)} seeds), "
        if each
        else ""
    )
    said += f"{np.mean(whole):+.1f} over {layers} modules; stable: within ±{STABLE_DECADES:g}"
    return Finding("error signal", signal_verdict(whole), said)


def _worst(table: DataFrame) -> Finding:
    middle = _without_dips(signals(table).mean(axis=0).to_numpy(dtype=float))
    rows = layers_of(table).drop_duplicates("place").sort_values("place")
    # The last module's signal is the loss's own, of as many entries as there are classes.
    steps = (middle[:-1] - middle[1:])[: -1 if len(middle) > 2 else None]
    sizes = np.abs(steps[np.isfinite(steps)])
    if not len(sizes):
        return Finding("worst module", "none", "there is one layer, or no signal that is finite")
    usual = float(np.median(sizes))
    place = int(np.nanargmax(np.where(np.isfinite(steps), np.abs(steps), -1.0)))
    row, over = rows.iloc[place + 1], rows.iloc[place]
    said = f"{steps[place]:+.2f} decades from the output of {row.module} to that of {over.module}"
    said += f", the last module apart; usual: {usual:.2f}"
    harmless = STABLE_DECADES / len(steps)  # in each place it would leave the whole stable
    stands_out = sizes.max() > max(STANDS_OUT * usual, harmless)
    return Finding("worst module", f"{row.module} ({row.kind})" if stands_out else "none", said)


def _without_dips(values: np.ndarray) -> np.ndarray:
    """Each place's median with its neighbours, two on each side where there are as many.

    A branch beside the path, such as an attention's queries and keys, has a signal of its own; what
    comes back behind it is no loss. A step that lasts stays where it is.
    """
    places = range(len(values))
    reach = [min(place, len(values) - 1 - place, 2) for place in places]
    return np.array(
        [np.median(values[p - n : p + n + 1]) for p, n in zip(places, reach, strict=True)]
    )


def _units(table: DataFrame, rule: str, column: str) -> Finding:
    shares = table.groupby("module", sort=False)[column].mean().dropna()
    if shares.empty:
        return Finding(rule, "not measured", "no activation to which it applies was called")
    largest = shares.max()
    verdict = "many" if largest > MANY else "some" if largest > 0 else "none"
    where = (
        f"at most {100 * largest:.2g} % of a module's, in module {shares.idxmax()}"
        if largest
        else "0 %"
    )
    return Finding(rule, verdict, f"{where}; many: above {MANY:.0%}")


def _range(table: DataFrame, name: str) -> Finding:
    least, most = FORMATS[name]
    rows = layers_of(table)
    sizes = rows.groupby("module", sort=False)["weight_gradient_entry"].median()
    lost, over = sizes.index[sizes < least], sizes.index[~(sizes <= most)]
    smallest = float(sizes.min())
    left = f"{math.log10(smallest / least):.1f} decades above" if smallest > 0 else "at 0, below"
    said = f"the smallest gradient entries (rms, module {sizes.idxmin()}) are {left} its end"
    if len(lost):
        said = f"lost in {len(lost)} of {len(sizes)} modules, module {lost[0]} among them"
    if len(over):
        said = f"too large in {len(over)} of {len(sizes)} modules, module {over[0]} among them"
    return Finding(name, "lost" if len(lost) or len(over) else "kept", said)
