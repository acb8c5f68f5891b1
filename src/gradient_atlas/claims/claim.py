"""A printed sentence, what it implies for the data, and the verdict that the data gives."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gradient_atlas.claims import verdict as rule


@dataclass(frozen=True)
class Claim:
    """One sentence and the data that decides it.

    Attributes:
        claim: identifier; ``sentence/part`` where one sentence needs several.
        source: where the sentence is printed.
        statement: the sentence.
        condition: what it is meant under, and which bound was chosen and why.
        quantity: what decides it.
        values: the quantity, one value per seed; nan where it could not be measured, empty where
            the config has no such run.
        lower, upper: the closed interval that the sentence allows. It follows from the sentence
            or its source, never from the result.
        unit: unit of values and bounds.
        remark: what holds instead, and why (derivation or citation).
        kind: what the sentence speaks of, one of ``verdict.KINDS``.
    """

    claim: str
    source: str
    statement: str
    condition: str
    quantity: str
    values: Sequence[float]
    lower: float = -math.inf
    upper: float = math.inf
    unit: str = "1"
    remark: str = ""
    kind: str = "mean"

    def __post_init__(self) -> None:
        """Refuse an unknown kind, and bounds that no value, or every value, satisfies."""
        if self.kind not in rule.KINDS:
            raise ValueError(f"claim {self.claim}: kind {self.kind!r} is none of {rule.KINDS}")
        if not self.lower <= self.upper:
            raise ValueError(f"claim {self.claim}: bounds {self.lower}, {self.upper} hold nothing")
        if math.isinf(self.lower) and math.isinf(self.upper):
            raise ValueError(f"claim {self.claim}: without a bound no data could refute it")

    @property
    def known_values(self) -> list[float]:
        """The values that were measured; an infinite one (a diverged loss) is among them."""
        return [float(value) for value in self.values if not math.isnan(value)]

    @property
    def verdict(self) -> str:
        """What the data says, by the rule of ``claims.verdict``."""
        return rule.verdict(self.kind, [float(v) for v in self.values], self.lower, self.upper)

    def row(self, figure: str) -> dict[str, object]:
        """Return the claim as a row of the table ``claims``."""
        values = np.array(self.known_values)
        finite = values[np.isfinite(values)]
        if not len(values):
            measured = math.nan
        elif len(finite) == len(values):
            measured = float(values.mean())
        else:
            measured = math.copysign(math.inf, values[~np.isfinite(values)][0])
        low, high = rule.interval(self.kind, list(values))
        found = self.verdict
        open_ = found == rule.UNDECIDED
        return {
            "claim": self.claim,
            "figure": figure,
            "source": self.source,
            "statement": self.statement,
            "condition": self.condition,
            "kind": self.kind,
            "quantity": self.quantity,
            "measured": measured,
            "spread": float(finite.std(ddof=1)) if len(finite) > 1 else math.nan,
            "samples": len(values),
            "interval_low": low,
            "interval_high": high,
            "lower": self.lower,
            "upper": self.upper,
            "unit": self.unit,
            "verdict": found,
            "margin": rule.margin(found, low, high, self.lower, self.upper),
            "seeds_to_decide": rule.seeds_to_decide(
                self.kind, list(self.values), self.lower, self.upper
            )
            if open_
            else math.nan,
            "remark": self.remark,
        }


def to_frame(claims_of_figure: Mapping[str, Sequence[Claim]]) -> pd.DataFrame:
    """Return all claims as one table, ordered by identifier.

    Raises:
        ValueError: two claims share an identifier.
    """
    rows = [claim.row(figure) for figure, many in claims_of_figure.items() for claim in many]
    if not rows:
        return pd.DataFrame(columns=list(Claim("", "", "", "", "", [], upper=0).row("")))
    frame = pd.DataFrame(rows).sort_values("claim", ignore_index=True)
    if frame["claim"].duplicated().any():
        raise ValueError(f"claims declared twice: {set(frame.claim[frame.claim.duplicated()])}")
    return frame
