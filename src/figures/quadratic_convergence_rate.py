"""How fast descent contracts on a quadratic at each learning rate, with and without momentum."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import rate_number
from gradient_atlas.drawing.style import COLORS, THEORY, Style
from gradient_atlas.measures.quadratic import bracketed

TABLES = {
    "scan": "dynamics/convergence",
    "bracket": "dynamics/threshold",
    "rates": "theory/quadratic_rates",
    "thresholds": "theory/quadratic_thresholds",
}
LOOKS = (("orange", "o"), ("green", "^"), ("purple", "s"), ("blue", "D"))
TOP = 1.045  # of the axis: above 1 the distance only grows


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Measured factor per step (markers) on the closed form (thin); thresholds are vertical."""
    scan, rates = tables["scan"], tables["rates"]
    edges = bracketed(tables["bracket"], tables["thresholds"])
    figure, (axes,) = style.new_figure(1, panel_height=2.4)
    right = 1.02 * scan["learning_rate"].max()
    axes.axhline(1, color=COLORS["grey"], linewidth=0.6, zorder=0)
    axes.set_xlim(0, right)
    for position, momentum in enumerate(sorted(scan["momentum"].unique())):
        color, marker = LOOKS[position % len(LOOKS)]
        closed = rates[rates["momentum"] == momentum]
        axes.plot(
            closed["learning_rate"], closed["contraction"].where(closed.contraction < TOP), **THEORY
        )
        rows = scan[(scan["momentum"] == momentum) & (scan["contraction"] < TOP)]
        axes.plot(
            rows["learning_rate"],
            rows["contraction"],
            color=COLORS[color],
            marker=marker,
            linestyle="",
            label="gradient descent" if momentum == 0 else rf"heavy ball, $\beta = {momentum:g}$",
        )
        for edge in edges.loc[edges["momentum"] == momentum, "measured"]:
            if edge < right:
                _mark(axes, edge, momentum, COLORS[color])
    bottom = min(scan["contraction"].min(), _fastest(axes, tables)) - 0.01
    axes.plot([], [], label="closed form", **THEORY)
    axes.set(
        xlabel=r"learning rate $\eta$",
        ylabel="factor of the distance per step",
        ylim=(bottom, TOP),
    )
    beside = edges.loc[edges["measured"] < 0.7 * right, "measured"].min()
    axes.text(1.05 * beside if beside > 0 else 0.0, 1.001, " above 1: diverges", va="bottom")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _mark(axes: Axes, edge: float, momentum: float, color: str) -> None:
    axes.axvline(edge, color=color, linestyle="--", linewidth=0.8, zorder=1)
    said = r"2/\lambda_{\max}" if momentum == 0 else r"2(1+\beta)/\lambda_{\max}"
    left = edge > 0.8 * axes.get_xlim()[1]
    axes.text(edge, TOP, f" ${said}$ ", va="top", ha="right" if left else "left", color=color)


def _fastest(axes: Axes, tables: dict[str, DataFrame]) -> float:
    """Mark where plain descent is fastest, if it was scanned; returns the factor there, or 1."""
    plain = tables["thresholds"].query("momentum == 0").iloc[0]
    scanned = tables["scan"].query("momentum == 0")
    if scanned.empty or plain["best_rate"] > scanned["learning_rate"].max():
        return 1.0
    best, lowest = plain["best_rate"], plain["best_contraction"]
    axes.plot(best, lowest, "o", markersize=6, markerfacecolor="none", color="black")
    said = "optimum\n" r"$2/(\lambda_{\min}+\lambda_{\max})$"
    axes.text(1.1 * best, lowest, said, va="center")
    return float(lowest)


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Every number from the tables."""
    scan = tables["scan"]
    edges = bracketed(tables["bracket"], tables["thresholds"]).set_index("momentum").sort_index()
    numbers = {
        "small": rate_number(scan["smallest_curvature"].iloc[0]),
        "large": rate_number(scan["largest_curvature"].iloc[0]),
    }
    text = (
        r"Factor by which the distance to the minimum changes per step on a quadratic with "
        r"eigenvalues from $[[small]]$ to $[[large]]$: measured after the transient (markers) and "
        r"the largest eigenvalue of the iteration, $\max|1-\eta\lambda|$ without momentum (thin). "
        r"Dashed: thresholds found by bisection, "
    )
    parts = []
    for momentum in edges.index:
        key = f"beta_{momentum:g}".replace(".", "_")
        numbers[key] = Number(float(edges.loc[momentum, "measured"]), digits=4)
        parts.append(
            rf"$[[{key}]]$ for gradient descent"
            if momentum == 0
            else rf"$[[{key}]]$ with momentum $\beta = {momentum:g}$"
        )
    text += " and ".join(parts) + "."
    plain = scan[scan["momentum"] == 0]
    if len(plain):
        best = plain.loc[plain["contraction"].idxmin()]
        numbers["best"] = Number(best["contraction"], digits=4)
        numbers["best_rate"] = Number(best["learning_rate"], digits=3)
        text += (
            r" Of the scanned rates gradient descent is fastest at $\eta = [[best_rate]]$: "
            r"$[[best]]$ per step."
        )
    return Caption(text, numbers)
