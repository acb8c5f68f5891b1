"""Whether leaky units can die, whether ReLU's do, and whether leaky ones are on more often."""

from typing import Any

import numpy as np
from pandas import DataFrame, Series

from gradient_atlas.claims.claim import Claim
from gradient_atlas.measures.dying import deaths, examples_of, rates, shares
from gradient_atlas.measures.runs import where
from gradient_atlas.runs.names import name_of

SOURCE = "V section 5.1"


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """At the highest rate of the sweep, for death is a matter of large updates."""
    rate = max(rates(tables), default=float("nan"))
    relu = shares(tables, "relu", rate, "dead_fraction")
    leaky = shares(tables, "leaky_relu", rate, "inactive_fraction")
    dying = deaths(tables, "relu", rate)
    common: dict[str, Any] = {"source": SOURCE}
    shared, both = _shared(tables, rate), relu.index.intersection(leaky.index)
    return [
        Claim(
            claim="leaky-prevents-dying/leaky",
            statement="Leaky ReLU provides non-zero gradients for negative inputs, preventing "
            "dying neurons",
            condition=f"{shared}; bound: prevented means that none is dead",
            quantity="share of dead Leaky ReLU units in the hidden layers",
            values=shares(tables, "leaky_relu", rate, "dead_fraction")["end"].tolist(),
            upper=0.0,
            kind="identity",
            remark="It follows from the definition: the slope for z ≤ 0 is not 0.",
            **common,
        ),
        Claim(
            claim="leaky-prevents-dying/relu",
            statement="ReLU neurons die in training (which Leaky ReLU is to prevent)",
            condition=f"{shared}; bound: one unit in a hundred, for a reader of 'dying neurons' "
            "expects more than a few",
            quantity="share of hidden ReLU units that are known to have died: the largest rise of "
            "a layer's share of dead units over an earlier logged step",
            values=dying.tolist(),
            lower=0.01,
            kind="every",
            remark=f"Dead at initialisation {_words(relu['start'])}, in the end "
            f"{_words(relu['end'])}, died at least {_words(dying)}: a unit without gradient is "
            "still moved by what the layers below it learn, so that death is not for ever.",
            **common,
        ),
        Claim(
            claim="leaky-prevents-dying/active",
            statement="with Leaky ReLU fewer neurons end in the state in which a ReLU is dead",
            condition=f"{shared}; bound: 0, for fewer is fewer units with z ≤ 0 on all examples "
            "than with ReLU, same seeds",
            quantity="share of ReLU units off for all examples minus that of Leaky ReLU units, in "
            "the end, seed by seed",
            values=(relu["end"] - leaky["end"]).reindex(both).tolist(),
            lower=np.nextafter(0.0, 1.0),
            remark=f"ReLU {_words(relu['end'])}, Leaky ReLU {_words(leaky['end'])}; at "
            f"initialisation {_words(relu['start'])} and {_words(leaky['start'])}.",
            **common,
        ),
    ]


def _shared(tables: dict[str, DataFrame], rate: float) -> str:
    rows = where(tables["gradients"], learning_rate=rate)
    if rows.empty:
        return "no such run in the config's sweep"
    run, (examples, kind) = rows.iloc[0], examples_of(rows)
    others = ", ".join(f"{other:g}" for other in rates(tables) if other != rate)
    beside = f" (the highest; others {others})" if others else ""
    return (
        f"{run['depth']} layers, width {run['width']}, {name_of(run['initialization'])}, "
        f"{name_of(run['dataset'])}, {name_of(run['optimizer'])} with rate {rate:g}{beside}, after "
        f"{tables['metrics']['step'].max()} updates; a unit is dead when its derivative is 0 for "
        f"each of {examples} {kind}"
    )


def _words(values: Series) -> str:
    """Mean over seeds with the standard deviation."""
    if values.dropna().empty:
        return "not measured"
    spread = np.nan_to_num(values.std())
    return f"{100 * values.mean():.1f} % (s.d. {100 * spread:.1f})"
