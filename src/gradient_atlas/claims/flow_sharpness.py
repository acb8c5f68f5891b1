"""That it is descent's step, not the network, that holds the sharpness."""

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.measures.edge import NEAR, passed, passing
from gradient_atlas.runs.names import name_of


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """One claim a network, and the identity that its flow obeys."""
    return [
        claim
        for activation in tables["descent"]["activation"].unique()
        for claim in _of_network(tables, activation)
    ]


def _of_network(tables: dict[str, DataFrame], activation: str) -> list[Claim]:
    flow = tables["flow"].query("activation == @activation").sort_values("time")
    chosen = passed(passing(tables["descent"], tables["flow"]), activation)
    rises = [float(np.diff(path["train_loss"]).max()) for _, path in flow.groupby("seed")]
    rate = f"η = {chosen['learning_rate'].iloc[0]:g}" if len(chosen) else "none"
    setting = f"gradient flow of the {name_of(activation)} network"
    if len(flow):
        setting += (
            f" to t = {flow['time'].max():g}, scipy RK23, relative tolerance "
            f"{flow['tolerance'].iloc[0]:g}"
        )
    return [
        Claim(
            claim=f"flow-passes-the-edge/{activation}",
            source="F example 3; Cohen et al. 2021, section 3",
            statement="the edge is the learning rate's: without one the sharpness passes 2/η",
            condition=f"{setting}; the largest rate whose 2/η lies above the starting sharpness "
            f"and at which descent stays finite: {rate}; bound: {NEAR:.0%} above 2/η, beyond what "
            "counts as at the edge",
            quantity="largest S η / 2 along the flow",
            values=chosen["largest"].tolist(),
            lower=1 + NEAR,
        ),
        Claim(
            claim=f"flow-energy/{activation}",
            source="definition of gradient flow: dL/dt = -‖∇L‖²",
            statement="along the flow the loss never rises",
            condition=f"{setting}; it checks the solver, not the network",
            quantity="largest rise of the loss between two logged points",
            values=rises,
            upper=0.0,
            kind="identity",
        ),
    ]
