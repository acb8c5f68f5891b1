"""Do networks learn as deep as information reaches, and which phase explodes and which vanishes?"""

import numpy as np
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.words import told
from gradient_atlas.measures.phases import HALF, learnt, mean_change, shares, signal_change
from gradient_atlas.measures.runs import mean
from gradient_atlas.measures.trainable_depth import SCALES

SOURCE = "Schoenholz et al. 2017, Deep information propagation"
TRAINABLE = "random networks may be trained precisely when information can travel through them"
PHASES = (
    "the ordered and chaotic phases correspond to regions of vanishing and exploding gradient "
    "respectively"
)


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Shares of networks that learn on both sides of 6 ξ_c; the signal in both phases."""
    trained, theory = tables["trained"], tables["theory"]
    cells = learnt(trained, theory)
    return [
        _trainable(trained, cells, within=True),
        _trainable(trained, cells, within=False),
        _phase(trained, theory, chaotic=False),
        _phase(trained, theory, chaotic=True),
    ]


def _setting(trained: DataFrame) -> str:
    if trained.empty:
        return "no such network in the config"
    first = trained.iloc[0]
    return (
        f"tanh, width {first.width}, σ_b² = {first.sigma_b2:g}, {trained.sigma_w2.nunique()} "
        f"values of σ_w² from {trained.sigma_w2.min():g} to {trained.sigma_w2.max():g}, "
        f"{first.training_rows} rows of {first.dataset}"
    )


def _trainable(trained: DataFrame, cells: DataFrame, within: bool) -> Claim:
    side = "within" if within else "beyond"
    others = shares(cells, not within)
    how = ""
    if len(trained):
        how = (
            f", {trained.steps.iloc[0]} updates at the best of "
            f"{trained.learning_rate.nunique()} rates, depths {trained.depth.min()} to "
            f"{trained.depth.max()}"
        )
    return Claim(
        claim=f"trainable-as-deep-as-information/{side}",
        source=SOURCE,
        statement=TRAINABLE + ": depths up to about 6 ξ_c",
        condition=f"{_setting(trained)}{how}; learnt: accuracy on its own examples more than half "
        f"of the way from guessing to all; bound: {'most do' if within else 'most do not'}",
        quantity=f"share of the networks {'up to' if within else 'deeper than'} {SCALES} ξ_c that "
        "learnt",
        values=shares(cells, within),
        lower=HALF if within else -np.inf,
        upper=np.inf if within else HALF,
        remark=f"On the other side of {SCALES} ξ_c it is {told(mean(others), '.2f')}."
        if others
        else "",
    )


def _phase(trained: DataFrame, theory: DataFrame, chaotic: bool) -> Claim:
    rows = signal_change(trained, theory, chaotic)
    phase = "chaotic" if chaotic else "ordered"
    zero = float(np.nextafter(0.0, 1.0 if chaotic else -1.0))
    remark = ""
    if len(rows):
        by = rows.groupby("sigma_w2").log10_signal_ratio.mean()
        said = ", ".join(f"{value:.2f} at σ_w² = {sigma:g}" for sigma, value in by.items())
        remark = f"Decades by σ_w²: {said}."
    depth = f", depth {trained.depth.max()}" if len(trained) else ""
    return Claim(
        claim=f"phase-and-gradient/{phase}",
        source=SOURCE,
        statement=PHASES,
        condition=f"{_setting(trained)}{depth}, before training, all σ_w² with χ "
        f"{'above' if chaotic else 'below'} 1; bound: the signal "
        f"{'grows' if chaotic else 'falls'} towards the input",
        quantity="log10 of the error signal at the first layer over the last hidden one, mean over "
        "the phase's σ_w²",
        values=mean_change(rows),
        lower=zero if chaotic else -np.inf,
        upper=np.inf if chaotic else zero,
        unit="decades",
        remark=remark,
    )
