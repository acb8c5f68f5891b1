"""Are the first layer's updates negligible, and does it learn anything?"""

from typing import Any

from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.words import told
from gradient_atlas.measures.layer_updates import changed_in_float32, relative_speed, way
from gradient_atlas.measures.layers import deepest, factors
from gradient_atlas.measures.runs import mean, where
from gradient_atlas.runs.names import name_of, weights_name

NEGLIGIBLE = 0.01


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Three readings of "early layers learn very slowly or not at all", for a sigmoid network."""
    rows = deepest(where(tables["gradients"], activation="sigmoid"))
    shared = _shared(rows, tables["metrics"])
    common: dict[str, Any] = {
        "upper": NEGLIGIBLE,
        "remark": "The error signal shrinks by a factor of "
        f"{told(mean(factors(rows)), '.2g')} a layer at initialisation "
        "(sigmoid' is at most 0.25, and the weights do not make up for it)."
        if len(rows)
        else "",
    }
    return [
        Claim(
            claim="early-layers-learn-slowly/updates",
            source="V section 1 (effects), section 4",
            statement="early layers learn very slowly or not at all, as weight updates are tiny",
            condition=f"{shared}; bound chosen: 'very slowly' means that layer 1 moves, relative "
            f"to its norm, at most {NEGLIGIBLE:g} times as far as the output layer",
            quantity="median over logged steps of the update ratio of layer 1 over that of the "
            "output layer",
            values=relative_speed(rows).tolist(),
            **common,
        ),
        Claim(
            claim="early-layers-learn-slowly/features",
            source="V section 4",
            statement="in a 20-layer sigmoid network early layers may not learn low-level features",
            condition=f"{shared}; bound chosen: a layer whose updates add up to less than "
            f"{NEGLIGIBLE:g} of its norm still holds its random initial filters",
            quantity="sum over all updates of the update ratio of layer 1",
            values=way(rows, 1).tolist(),
            kind="some",
            **common,
        ),
        Claim(
            claim="early-layers-learn-slowly/float32",
            source="F example 1",
            statement="early layers receive effectively zero updates",
            condition=f"{shared}; bound chosen: effectively zero is an update that changes at most "
            f"{NEGLIGIBLE:g} of the layer's weights in float32, counted weight by weight",
            quantity="largest share, over logged updates, of the weights of layer 1 that are "
            "another float32 after the update",
            values=changed_in_float32(rows, 1).tolist() if len(rows) else [],
            kind="every",
            **common,
        ),
    ]


def _shared(rows: DataFrame, metrics: DataFrame) -> str:
    if rows.empty:
        return "no such network in the config's sweep"
    run = rows.iloc[0]
    return (
        f"{run['depth']} layers, width {run['width']}, {name_of(run['activation'])}, "
        f"{weights_name(run['initialization'], run['weight_std'])}, {name_of(run['dataset'])}, "
        f"{name_of(run['optimizer'])} with rate {run['learning_rate']:g}, {metrics['step'].max()} "
        f"updates, {run['precision']}"
    )
