"""How fast descent contracts on a quadratic at each learning rate, with and without momentum."""

import numpy as np
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.style import COLORS, THEORY, Style
from gradient_atlas.theory.quadratic import best_rate, contraction, threshold

TABLES = {"convergence": "dynamics/convergence", "threshold": "dynamics/threshold"}
LOOKS = (("orange", "o"), ("green", "^"), ("purple", "s"), ("blue", "D"))
TOP = 1.045  # of the axis: above 1 the distance only grows


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Measured factor per step (markers) on the closed form (thin); thresholds are vertical."""
    scan, bracket = tables["convergence"], tables["threshold"]
    spectrum = _spectrum(scan)
    figure, (axes,) = style.new_figure(1, panel_height=2.4)
    rates = np.linspace(scan["learning_rate"].min() / 5, scan["learning_rate"].max(), 600)
    bottom = scan["contraction"].min() - 0.01
    axes.axhline(1, color=COLORS["grey"], linewidth=0.6, zorder=0)
    for position, momentum in enumerate(sorted(scan["momentum"].unique())):
        color, marker = LOOKS[position % len(LOOKS)]
        closed = np.array([contraction(rate, spectrum, momentum) for rate in rates])
        axes.plot(rates, np.where(closed < TOP, closed, np.nan), **THEORY)
        rows = scan[(scan["momentum"] == momentum) & (scan["contraction"] < TOP)]
        axes.plot(
            rows["learning_rate"],
            rows["contraction"],
            color=COLORS[color],
            marker=marker,
            linestyle="",
            label="gradient descent" if momentum == 0 else rf"heavy ball, $\beta = {momentum:g}$",
        )
        for edge in _middle(bracket[bracket["momentum"] == momentum]):
            axes.axvline(edge, color=COLORS[color], linestyle="--", linewidth=0.8, zorder=1)
            said = r"2/\lambda_{\max}" if momentum == 0 else r"2(1+\beta)/\lambda_{\max}"
            axes.text(edge, TOP, f" ${said}$", va="top", ha="left", color=COLORS[color])
    best = best_rate(spectrum)
    lowest = contraction(best, spectrum)
    axes.plot(best, lowest, "o", markersize=6, markerfacecolor="none", color="black")
    said = "optimum\n" r"$2/(\lambda_{\min}+\lambda_{\max})$"
    axes.text(1.1 * best, lowest, said, va="center")
    axes.plot([], [], label="closed form", **THEORY)
    axes.set(
        xlabel=r"learning rate $\eta$",
        ylabel="factor of the distance per step",
        xlim=(0, rates[-1] * 1.02),
        ylim=(bottom, TOP),
    )
    axes.text(1.05 * _middle(bracket)[0], 1.001, "above 1: diverges", va="bottom")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _spectrum(table: DataFrame) -> list[float]:
    return [table["smallest_curvature"].iloc[0], table["largest_curvature"].iloc[0]]


def _middle(rows: DataFrame) -> list[float]:
    return ((rows["converging_rate"] + rows["growing_rate"]) / 2).tolist()


def _error(scan: DataFrame, momentum: float) -> float:
    """Largest relative difference between measured and predicted contraction."""
    rows = scan[scan["momentum"] == momentum]
    closed = [contraction(rate, _spectrum(scan), momentum) for rate in rows["learning_rate"]]
    return float((rows["contraction"] / closed - 1).abs().max())


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Every number from the tables."""
    scan, bracket = tables["convergence"], tables["threshold"]
    plain, heavy = scan[scan["momentum"] == 0], scan[scan["momentum"] > 0]
    best = plain.loc[plain["contraction"].idxmin()]
    thresholds = {m: _middle(rows)[0] for m, rows in bracket.groupby("momentum")}
    momentum = heavy["momentum"].max()
    text = (
        r"Factor by which the distance to the minimum changes per step on a quadratic with "
        r"eigenvalues from $[[small]]$ to $[[large]]$: measured after the transient (markers) and "
        r"the largest eigenvalue of the iteration, $\max|1-\eta\lambda|$ without momentum (thin). "
        r"Dashed: thresholds found by bisection, $[[plain]]$ for gradient descent"
    )
    if len(heavy) and thresholds[momentum] > thresholds.get(0.0, np.inf):
        text += (
            r" and $[[heavy]]$ with momentum $\beta = [[momentum]]$, which thus converges far "
            r"above $2/\lambda_{\max}$"
        )
    text += (
        r". Gradient descent is fastest at the optimum, here $[[best]]$ per step at the scanned "
        r"$\eta = [[best_rate]]$."
    )
    return Caption(
        text,
        {
            "small": Number(_spectrum(scan)[0], digits=1),
            "large": Number(_spectrum(scan)[1], digits=3),
            "plain": Number(thresholds.get(0.0, np.nan), digits=4),
            "heavy": Number(thresholds.get(momentum, np.nan), digits=4),
            "momentum": Number(momentum, digits=1),
            "best": Number(best["contraction"], digits=3),
            "best_rate": Number(best["learning_rate"], digits=2),
        },
    )


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Whether 2/λ_max is the threshold of descent with momentum too."""
    scan, bracket = tables["convergence"], tables["threshold"]
    heavy = bracket[bracket["momentum"] > 0]
    momentum = heavy["momentum"].max()
    edge = _middle(heavy[heavy["momentum"] == momentum])
    expected = threshold(_spectrum(scan), 0.0)
    moved = threshold(_spectrum(scan), momentum) if edge else np.nan
    return [
        Claim(
            claim="quadratic-threshold/momentum",
            source="F section 3",
            statement="divergence occurs when η > 2/λ_max",
            condition=f"the same quadratic, heavy ball with β = {momentum:g}; bounds: 2/λ_max to "
            "four digits",
            quantity="learning rate above which the distance grows, by bisection",
            values=edge[:1] or [np.nan],
            lower=expected * (1 - 2.5e-4),
            upper=expected * (1 + 2.5e-4),
            remark=f"The sentence is about plain descent. With momentum the iteration's eigenvalue "
            f"passes -1 at 2(1 + β)/λ_max = {moved:.4g} (Polyak 1964): measured "
            f"{edge[0] if edge else np.nan:.4g}. Measured and predicted contraction differ by at "
            f"most {max(_error(scan, m) for m in scan['momentum'].unique()):.1e}.",
            kind="exact",
        )
    ]
