"""What the source says of its flow: near descent, and right about its mean loss."""

from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.measures.central import AVERAGED, at_edge
from gradient_atlas.runs.names import architecture_name

SOURCE = "Cohen et al. 2025, Understanding optimization in deep learning with central flows"


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Distance at the last step beside the gradient flow's; errors in the loss."""
    paths = tables["paths"]
    edge = at_edge(paths)
    reached = edge[edge["windows"] > 0]
    setting = (
        "no run in the config"
        if paths.empty
        else (
            f"full-batch descent, η = {paths['learning_rate'].iloc[0]:g}, "
            f"{architecture_name(paths.iloc[0]) or 'tanh network'}, "
            f"{paths['step'].max()} steps; central flow by Euler's method with "
            f"{paths['substeps'].iloc[0]} substeps a step, gradient flow by scipy's RK23"
        )
    )
    follows = "descent at the edge of stability follows the central flow, not the gradient flow"
    arrived = edge[edge["arrival"].notna()]
    central, gradient = arrived["central"], arrived["gradient"]
    moved, oscillation = arrived["moved"], arrived["oscillation"]
    ratio = "central flow's over gradient flow's"
    return [
        Claim(
            claim="central-flow/path",
            source=SOURCE,
            statement=follows,
            condition=f"{setting}; bound: nearer than the gradient flow, ratio below 1",
            quantity=f"distance from averaged descent at the last step, {ratio}",
            values=(central / gradient).tolist(),
            upper=1.0,
            remark=(
                f"On the way it is the farther of the two at {arrived['farther'].mean():.0%} "
                "of the steps since the central flow reached the edge. At the end it is off by "
                f"{(central / moved).mean():.1%} of the way that descent has come, the gradient "
                f"flow by {(gradient / moved).mean():.1%}; that is "
                f"{(central / oscillation).mean():.2g} and {(gradient / oscillation).mean():.2g} "
                "times the oscillation that the central flow predicts, √tr X."
            )
            if len(arrived)
            else "",
        ),
        Claim(
            claim="central-flow/mean-loss",
            source=SOURCE,
            statement="the central flow predicts the mean loss of descent, oscillation included",
            condition=f"{setting}, means of {AVERAGED} steps from the step where the central flow "
            "reaches the edge; bound: a smaller error than that of the loss L(w) on the central "
            "flow itself, ratio below 1",
            quantity="mean relative error of the predicted mean loss, L(w) + tr X/η over L(w)",
            values=(reached["with_variance"] / reached["alone"]).tolist(),
            upper=1.0,
            remark=(
                f"Errors: {reached['with_variance'].mean():.1%} (at most "
                f"{reached['worst'].max():.1%} of a mean) with the variance, "
                f"{reached['alone'].mean():.1%} without, {reached['by_gradient'].mean():.1%} "
                "of the gradient flow's loss."
            )
            if len(reached)
            else "",
        ),
    ]
