"""Activations, what their derivatives let through, and what a chain of equal factors leaves."""

import itertools
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.panels import only
from gradient_atlas.drawing.style import COLORS, Style, label_panels, look_of
from gradient_atlas.measures.chain import first_gradient
from gradient_atlas.runs.names import name_of

TABLES = {"activations": "theory/activations", "chain": "theory/linear_chain"}

SHOWN = 5.0  # the table's grid reaches further than the axes
CHAIN_LOOKS = [
    {"color": COLORS["red"], "marker": "s", "linestyle": "--"},
    {"color": COLORS["blue"], "marker": "o", "linestyle": "-"},
    {"color": COLORS["green"], "marker": "^", "linestyle": "-."},
]


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: φ, φ', and the gradient at each layer of scalar chains."""
    figure, (values, slopes, chain) = style.new_figure(3, panel_height=2.15)
    shown = tables["activations"][tables["activations"].z.abs() <= SHOWN]
    for position, (name, rows) in enumerate(shown.groupby("activation", sort=False)):
        look: dict[str, Any] = look_of(str(name), position) | {
            "markevery": (rows.shape[0] // 20, max(1, rows.shape[0] // 7))
        }
        values.plot(rows.z, rows.value, label=name_of(str(name)), **look)
        # A kink's two sides are not joined: the derivative has no values between them.
        jump = np.abs(np.diff(rows.derivative, prepend=rows.derivative.iloc[0])) > 0.5
        slopes.plot(rows.z, rows.derivative.mask(jump), **look)
    values.set(xlabel="$z$", ylabel=r"$\phi(z)$", ylim=(-1.2, 3))
    slopes.set(xlabel="$z$", ylabel=r"$\phi'(z)$", ylim=(-0.2, 1.2))
    slopes.set_yticks([0, 0.25, 0.5, 1], ["0", "0.25", "0.5", "1"])
    activations = tables["activations"]
    sigmoid = activations[activations.activation == "sigmoid"].derivative.max()
    if np.isfinite(sigmoid):
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
    for look, (factor, rows) in zip(
        itertools.cycle(CHAIN_LOOKS), chain.groupby("factor"), strict=False
    ):
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
    )
    axes.locator_params(axis="x", integer=True)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """The maxima and what is left of a gradient after the chain, all from the tables."""
    largest = tables["activations"].groupby("activation", sort=False).derivative.max()
    chain = tables["chain"]
    numbers = {_key(str(name)): Number(float(value), digits=3) for name, value in largest.items()}
    maxima = ", ".join(f"[[{_key(str(name))}]] for {name_of(str(name))}" for name in largest.index)
    parts = []
    for position, factor in enumerate(sorted(chain.factor.unique())):
        numbers[f"left_{position}"] = Number(first_gradient(chain, factor), digits=2)
        parts.append(rf"[[left_{position}]] with $s = {factor:g}$")
    numbers["layers"] = Number(int(chain.layer.max()))
    return Caption(
        r"What an activation lets through. "
        + only("a", r"(a) Activation functions $\phi$. ")
        + only(
            "b",
            r"(b) Their derivatives, by automatic differentiation: the largest value is "
            rf"{maxima}. ",
        )
        + only(
            "c",
            r"(c) A chain of [[layers]] layers $a_l = s\,a_{l-1}$: of the gradient the first layer "
            rf"receives {', '.join(parts)}. ",
        )
        + only(
            "bc",
            "In a network the weights multiply this factor, so that no such number is the factor "
            "of a layer by itself.",
        ),
        numbers,
    )


def _key(activation: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in activation)
