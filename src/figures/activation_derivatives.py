"""Activations, what their derivatives let through, and what a chain of equal factors leaves."""

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.style import COLORS, Style, label_panels, look_of
from gradient_atlas.runs.names import name_of

TABLES = {"activations": "theory/activations", "chain": "theory/linear_chain"}

SHOWN = 5.0  # the table's grid reaches further than the axes
CHAIN_LOOKS = [
    {"color": COLORS["red"], "marker": "s", "linestyle": "--"},
    {"color": COLORS["blue"], "marker": "o", "linestyle": "-"},
    {"color": COLORS["green"], "marker": "^", "linestyle": "-."},
]
# Rounding of float64, in which the table is made; a bound itself may be reached, not passed.
ROUNDING = 1e-12


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: φ, φ', and the gradient at each layer of scalar chains."""
    figure, (values, slopes, chain) = style.new_figure(3, panel_height=2.15)
    shown = tables["activations"][tables["activations"].z.abs() <= SHOWN]
    for name, rows in shown.groupby("activation", sort=False):
        look: dict[str, Any] = look_of(name) | {"markevery": (rows.shape[0] // 20, 150)}
        values.plot(rows.z, rows.value, label=name_of(name), **look)
        # A kink's two sides are not joined: the derivative has no values between them.
        jump = np.abs(np.diff(rows.derivative, prepend=rows.derivative.iloc[0])) > 0.5
        slopes.plot(rows.z, rows.derivative.mask(jump), **look)
    values.set(xlabel="$z$", ylabel=r"$\phi(z)$", ylim=(-1.2, 3))
    slopes.set(xlabel="$z$", ylabel=r"$\phi'(z)$", ylim=(-0.2, 1.2))
    slopes.set_yticks([0, 0.25, 0.5, 1], ["0", "0.25", "0.5", "1"])
    sigmoid = _of(tables, "sigmoid").derivative.max()
    slopes.axhline(sigmoid, color="black", linewidth=0.5, linestyle=":", zorder=0)
    _draw_chains(chain, tables["chain"])
    label_panels([values, slopes, chain], ["Activation", "Derivative", "Chain of factors $s$"])
    figure.legend(
        *values.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=max(2, int(style.width_in_inches / 0.9)),
    )
    return figure


def _draw_chains(axes: Any, chain: DataFrame) -> None:
    """Each chain named beside its line, at the layer nearest the input."""
    for look, (factor, rows) in zip(CHAIN_LOOKS, chain.groupby("factor"), strict=False):
        axes.semilogy(rows.layer, rows.gradient, **look)
        # Above its line at the left end, but for those that leave no room there.
        place = {"xytext": (0, 13), "va": "bottom"}
        if factor in (chain.factor.min(), chain.factor.max()):
            place = {"xytext": (14, -4), "va": "top"}
        axes.annotate(
            f"$s = {factor:g}$",
            rows[["layer", "gradient"]].iloc[len(rows) // 5 if place["va"] == "top" else 0],
            textcoords="offset points",
            fontsize=mpl.rcParams["legend.fontsize"],
            **place,
        )
    axes.set(
        xlabel="layer $l$ (1: nearest input)",
        ylabel=r"$\partial a_L / \partial a_{l-1}$",
        xticks=range(2, int(chain.layer.max()) + 1, 2),
    )


def _of(tables: dict[str, DataFrame], activation: str) -> DataFrame:
    return tables["activations"].query("activation == @activation")


def _first_gradient(chain: DataFrame, factor: float) -> float:
    rows = chain[np.isclose(chain.factor, factor) & (chain.layer == 1)]
    return float(rows.gradient.iloc[0]) if len(rows) else float("nan")


def caption(tables: dict[str, DataFrame]) -> Caption:
    """The maxima and what is left of a gradient after the chain, all from the tables."""
    largest = tables["activations"].groupby("activation").derivative.max()
    chain = tables["chain"]
    least = float(chain.factor.min())
    return Caption(
        r"What an activation lets through. (a) Activation functions $\phi$. (b) Their derivatives, "
        r"by automatic differentiation: the largest value is [[sigmoid]] for sigmoid, [[tanh]] for "
        r"tanh, [[relu]] for ReLU and Leaky ReLU, [[gelu]] for GELU and [[silu]] for SiLU. "
        r"(c) A chain of [[layers]] layers $a_l = s\,a_{l-1}$: with "
        r"$s = [[factor]]$ the first layer receives [[left]] of the gradient, with the largest "
        r"factor of a sigmoid ([[sigmoid]]) [[left_sigmoid]]. In a network the weights multiply "
        r"this factor, so that neither number is the factor of a layer by itself.",
        {
            "sigmoid": Number(largest["sigmoid"], digits=3),
            "tanh": Number(largest["tanh"], digits=1),
            "relu": Number(largest[["relu", "leaky_relu"]].max(), digits=1),
            "gelu": Number(largest["gelu"], digits=3),
            "silu": Number(largest["silu"], digits=3),
            "layers": Number(int(chain.layer.max())),
            "factor": Number(least, digits=1),
            "left": Number(_first_gradient(chain, least), digits=1),
            "left_sigmoid": Number(_first_gradient(chain, float(largest["sigmoid"]))),
        },
    )


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """The bounds on derivatives, and ten factors of 0.1."""
    grid = tables["activations"].z
    sampled = (
        f"exact; φ' by automatic differentiation in float64 on {tables['activations'].z.nunique()} "
        f"points of [{grid.min():g}, {grid.max():g}], 0 among them"
    )
    shared: dict[str, Any] = {"kind": "exact"}
    found = [
        Claim(
            claim=f"derivative-bounds/{name}",
            source="V section 1 (causes); F example 1",
            statement=statement,
            condition=f"{sampled}; bound: the sentence's, with {ROUNDING:g} for rounding",
            quantity=f"largest {name}'(z)",
            values=[_of(tables, name).derivative.max()],
            upper=bound + ROUNDING,
            **shared,
        )
        for name, bound, statement in (
            ("sigmoid", 0.25, "sigmoid'(z) ≤ 0.25"),
            ("tanh", 1.0, "tanh'(z) ≤ 1"),
        )
    ]
    found += [
        Claim(
            claim=f"derivative-bounds/{name}",
            source=source,
            statement=statement,
            condition=f"{sampled}; bound: no other value than those two, with {ROUNDING:g} for "
            "rounding (at the kink z = 0 automatic differentiation takes the left one)",
            quantity="largest distance of a derivative from the nearer of the two values",
            values=[
                np.abs(_of(tables, name).derivative.to_numpy()[:, None] - np.array(steps))
                .min(axis=1)
                .max()
            ],
            upper=ROUNDING,
            **shared,
        )
        for name, steps, source, statement in (
            ("relu", (0.0, 1.0), "F example 3", "ReLU' is 1 when z > 0, or 0"),
            ("leaky_relu", (0.01, 1.0), "V section 5.1", "Leaky ReLU' is 0.01 or 1"),
        )
    ]
    chain = tables["chain"]
    return [
        *found,
        Claim(
            claim="product-of-tenths",
            source="V section 1 (example)",
            statement="ten layers that scale a gradient by 0.1 each reduce it to 1e-10",
            condition=f"arithmetic: {chain.layer.max()} scalar layers a_l = 0.1 a_(l-1); "
            "bound: 1e-10 within a relative 1e-9 for rounding",
            quantity="gradient at the first layer over that at the output, by automatic "
            "differentiation",
            values=[_first_gradient(chain, 0.1)],
            lower=1e-10 * (1 - 1e-9),
            upper=1e-10 * (1 + 1e-9),
            remark="In a network the factor of a layer is that of weights and derivative together, "
            "√(n Var(W) E[φ'²]) (Schoenholz et al. 2017, eq. 9), not φ' alone.",
            **shared,
        ),
    ]
