"""Whether the largest singular value decides growth, or the mean square that the gain is."""

from collections.abc import Callable

import numpy as np
from pandas import DataFrame, concat

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.words import size_of
from gradient_atlas.measures.layers import STABLE_DECADES
from gradient_atlas.measures.spectrum import ABOVE_ONE, networks
from gradient_atlas.runs.names import name_of, weights_name

SOURCE = "F example 2"
# "Roughly": the product over layers is met when each factor is met within a tenth.
ROUGHLY = 0.1
NETWORK = ["activation", "initialization", "weight_std", "width"]


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """‖W‖₂ > 1 as the cause of growth, forwards and backwards, and what takes its place."""
    found = networks(tables["gradients"], tables["theory"])
    wide = networks(tables["widths"], tables["width_theory"])
    both = concat([found, wide], ignore_index=True) if len(wide) else found
    both = both.drop_duplicates([*NETWORK, "seed"])
    means = both.groupby(NETWORK, dropna=False)[["spectral_norm", "forward"]].transform("mean")
    hidden = tables["gradients"].depth.max() - 3 if len(tables["gradients"]) else np.nan
    above = both[means.spectral_norm > ABOVE_ONE]
    change = np.abs(np.log10(means.forward)) * hidden
    moderate = both[(means.spectral_norm > ABOVE_ONE) & (change <= STABLE_DECADES)]
    size = size_of(tables["gradients"])
    return [
        Claim(
            claim="spectral-norm-above-one/forward",
            source=SOURCE,
            statement="If ‖W‖₂ > 1 on average, forward activations explode",
            condition=f"{_count(above)} whose hidden matrices have a mean ‖W‖₂ > 1, {size}, at "
            "initialisation; bound: a factor of 1, for less is no growth at all",
            quantity="least factor of the activations' rms per layer among these networks",
            values=_by_seed(above, lambda one: float(one.forward.min())),
            lower=1.0,
            kind="every",
            remark=_least(above, "forward")
            + "What decides is √(n Var(W) E[φ²]/E[z²]); ‖W‖₂ bounds it where |φ(z)| ≤ |z|.",
        ),
        Claim(
            claim="spectral-norm-above-one/backward",
            source=SOURCE,
            statement="if activations stay moderate and ‖W‖₂ > 1 persistently, the backward signal "
            "grows exponentially, ‖δ^(l)‖ ~ c^(L-l) with c > 1",
            condition=f"{_count(moderate)} with a mean ‖W‖₂ > 1 and activations that keep within "
            f"{STABLE_DECADES:g} decades over the hidden layers, {size}, at initialisation; "
            "bound: c > 1, as printed",
            quantity="least factor c of the error signal's norm per layer among these networks",
            values=_by_seed(moderate, lambda one: float(one.backward.min())),
            lower=1.0,
            kind="every",
            remark=_least(moderate, "backward")
            + "What decides is √(n Var(W) E[φ'²]): a signal independent of W meets the root mean "
            "square of its singular values, and not the largest, which is twice that.",
        ),
        Claim(
            claim="gradient-norm-terms/initialization-and-derivative",
            source="F section 2",
            statement="The gradient norm at early layers scales roughly with the product of many "
            "terms whose magnitude is determined by the variance of W and the derivative σ'(z)",
            condition=f"{_count(both)}, {size}, at initialisation; bound: a factor within "
            f"{100 * ROUGHLY:g} % for at least half of the networks, for 'roughly'",
            quantity="|factor of the error signal per layer / √(n Var(W) E[φ'²]) - 1|, median of "
            "the networks: of most, not of each",
            values=_by_seed(both, lambda one: float((one.backward / one.gain - 1).abs().median())),
            upper=ROUGHLY,
            remark=_farthest(both),
        ),
        _spectral(found),
        _width(wide),
    ]


def _spectral(found: DataFrame) -> Claim:
    """Orthogonal and Xavier weights: one variance, two spectral norms."""
    pairs = found[found.initialization.isin(["orthogonal", "xavier"])]
    activations = [
        name
        for name, rows in pairs.groupby("activation", sort=False)
        if rows.initialization.nunique() == 2
    ]
    pairs = pairs[pairs.activation.isin(activations)]

    def share(one: DataFrame) -> float:
        by = one.set_index(["activation", "initialization"])
        shares = []
        for name in activations:
            tight, loose = by.loc[(name, "orthogonal")], by.loc[(name, "xavier")]
            ratio = np.log(loose.spectral_norm / tight.spectral_norm)
            shares.append(np.log(loose.backward / tight.backward) / ratio)
        return float(np.max(np.abs(shares)))

    return Claim(
        claim="gradient-norm-terms/spectral-properties",
        source="F section 2",
        statement="... is determined by the layers' spectral properties (the largest singular "
        "value at equal mean-square singular value)",
        condition=f"{', '.join(name_of(name) for name in activations) or 'no activation'}, each "
        "with orthogonal and with Xavier weights, of equal mean-square singular value n Var(W) and "
        "different largest one ‖W‖₂, at "
        "initialisation; bound: 1/2, nearer to 1 (the factor goes as ‖W‖₂) than to 0 (it does not "
        "feel it)",
        quantity="largest d ln(factor of the error signal per layer) / d ln ‖W‖₂ at equal mean "
        "square singular value",
        values=_by_seed(pairs, share) if activations else [],
        lower=0.5,
        remark="This speaks of the largest singular value. Their root mean square, √(n Var(W)), "
        "is a spectral property too, and it is what decides the factor; singular values that are "
        "all equal keep the signal's direction from mattering, and so its spread small.",
    )


def _width(wide: DataFrame) -> Claim:
    """Weights of one fixed variance at several widths, beside He's, which divide the width out."""
    fixed = _of_most_widths(wide[wide.initialization == "normal"])
    he = _of_most_widths(wide[wide.initialization == "he"])
    widths = sorted(fixed.width.unique())

    def change(one: DataFrame) -> float:
        by = one.drop_duplicates("width").set_index("width").backward
        least, most = by.index.min(), by.index.max()
        return float(np.log(by[most] / by[least]) / np.log(most / least))

    divided = _by_seed(he, change) if he.width.nunique() > 1 else []
    return Claim(
        claim="gradient-norm-terms/width",
        source="F section 2",
        statement="... is determined by the layers' width",
        condition=f"{_activations(fixed)}, widths {widths[0]:g} to {widths[-1]:g} at fixed Var(W), "
        f"{weights_name(fixed.initialization.iloc[0], fixed.weight_std.iloc[0])} weights, at "
        "initialisation; bound: 1/4, nearer to 1/2 (the factor of a fixed Var(W) goes as √n) than "
        "to 0"
        if len(widths) > 1
        else "no sweep of widths at a fixed Var(W) in the config",
        quantity="d ln(factor of the error signal per layer) / d ln n",
        values=_by_seed(fixed, change) if len(widths) > 1 else [],
        lower=0.25,
        remark="Width enters by n Var(W): √(n Var(W) E[φ'²]) goes as √n. Initialisations with "
        "Var(W) ∝ 1/n divide the width out"
        + (f": with He weights the exponent is {np.mean(divided):.3f}" if divided else "")
        + ", and leave a drift of -5/(4n) of ln ‖δ‖ per layer (ReLU; Hanin & Nica 2020).",
    )


def _of_most_widths(wide: DataFrame) -> DataFrame:
    """The network that was run at the most widths, among those that differ in more than width."""
    if wide.empty:
        return wide
    groups = wide.groupby(["activation", "initialization", "weight_std"], dropna=False, sort=False)
    counts = groups.width.transform("nunique")
    first = wide[counts == counts.max()].iloc[0]
    same = (wide.activation == first.activation) & (wide.initialization == first.initialization)
    if first.weight_std == first.weight_std:
        same &= wide.weight_std == first.weight_std
    return wide[same]


def _activations(rows: DataFrame) -> str:
    return " and ".join(name_of(str(name)) for name in dict.fromkeys(rows.activation))


def _by_seed(rows: DataFrame, measure: Callable[[DataFrame], float]) -> list[float]:
    """Of the seeds that every network has: a seed without some of them tells of other networks."""
    networks_of = rows.groupby("seed").size()
    whole = networks_of[networks_of == networks_of.max()].index
    return [measure(rows[rows.seed == seed]) for seed in whole]


def _count(rows: DataFrame) -> str:
    many = len(rows.drop_duplicates(NETWORK))
    return f"{many} networks" if many else "no network"


def _least(rows: DataFrame, column: str) -> str:
    """Which network has the least factor, as a sentence; nothing of no networks."""
    if rows.empty:
        return ""
    means = rows.groupby(NETWORK, dropna=False)[[column, "spectral_norm"]].mean().reset_index()
    least = means.loc[means[column].idxmin()]
    return (
        f"The least is that of {name_of(least.activation)} with "
        f"{weights_name(least.initialization, least.weight_std)} weights: ‖W‖₂ = "
        f"{least.spectral_norm:.2f}, factor {least[column]:.3g}. "
    )


def _farthest(rows: DataFrame) -> str:
    """Which network the gain misses most, as a sentence; nothing of no networks."""
    means = rows.groupby(NETWORK, dropna=False)[["backward", "gain"]].mean().reset_index()
    errors = (means.backward / means.gain - 1).abs().dropna()
    if errors.empty:
        return ""
    worst = means.loc[errors.idxmax()]
    return (
        f"It is missed most for {name_of(worst.activation)} with "
        f"{weights_name(worst.initialization, worst.weight_std)} weights: measured "
        f"{worst.backward:.3f}, theory {worst.gain:.3f}, that of infinite width."
    )
