"""Full-batch descent of a network: its loss and its sharpness beside 2/η, for several rates."""

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import rate_look
from gradient_atlas.drawing.style import Style, label_panels
from gradient_atlas.measures.edge import measured, runs
from gradient_atlas.runs.names import name_of

TABLES = {"descent": "dynamics/sharpness", "flow": "dynamics/flow_sharpness"}
# "Hovers right at, or just above, 2/η" (Cohen et al. 2021) is taken as within a few per cent.
NEAR = 0.05


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: training loss and sharpness against the step; one line a seed, one colour a rate."""
    descent = tables["descent"]
    figure, (losses, sharpness) = style.new_figure(2, panel_height=2.3)
    rates = sorted(descent["learning_rate"].unique())
    for position, rate in enumerate(rates):
        look = rate_look(position)
        for _, run in descent[descent["learning_rate"] == rate].groupby("seed"):
            thinned = run.iloc[:: max(1, len(run) // 600)]
            losses.plot(thinned["step"], thinned["train_loss"], color=look["color"], linewidth=0.6)
            points = measured(run)
            sharpness.plot(
                points["step"],
                points["sharpness"],
                **look,
                markevery=max(1, len(points) // 6),
                linewidth=0.9,
            )
        sharpness.axhline(2 / rate, color=look["color"], linestyle="--", linewidth=0.8, zorder=1)
        losses.plot([], [], **look, label=rf"$\eta = {rate:g}$")
    losses.set(xlabel="step", ylabel="training loss", yscale="log")
    _limit_loss(losses, descent)
    for lost, rate in enumerate(_diverging(descent)):
        losses.annotate(
            rf"$\eta = {rate:g}$ diverges",
            (0, losses.get_ylim()[1]),
            textcoords="offset points",
            xytext=(6, -2 - 10 * lost),
            va="top",
            color=rate_look(rates.index(rate))["color"],
            fontsize=mpl.rcParams["legend.fontsize"],
        )
    sharpness.set(xlabel="step", ylabel="sharpness $S$", yscale="log")
    edges = [2 / rate for rate in rates]
    sharpness.set_yticks(edges, [rf"$2/{rate:g} = {2 / rate:.3g}$" for rate in rates], minor=False)
    sharpness.yaxis.minorticks_off()
    label_panels([losses, sharpness], ["Training loss", r"Sharpness; dashed: $2/\eta$"])
    columns = 6 if style.width_in_inches > 4 else 3
    figure.legend(*losses.get_legend_handles_labels(), loc="outside lower center", ncols=columns)
    return figure


def _diverging(descent: DataFrame) -> list[float]:
    return sorted(descent.loc[descent["status"] == "diverged", "learning_rate"].unique())


def _limit_loss(axes: Axes, descent: DataFrame) -> None:
    """Let a diverging run leave through the top: its last loss is many decades up."""
    stable = descent[descent.groupby(["learning_rate", "seed"])["status"].transform("last") == "ok"]
    if len(stable):
        axes.set_ylim(stable["train_loss"].min() / 1.5, 30 * stable["train_loss"].max())


def _worst(table: DataFrame) -> DataFrame:
    """Of each seed, the due run that ends farthest from its edge."""
    due = table[table["due"]]
    return due.loc[(due["late"] - 1).abs().groupby(due["seed"]).idxmax()]


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Every number from the tables."""
    descent, table = tables["descent"], runs(tables["descent"], tables["flow"])
    due, stable = table[table["due"]], table[table["status"] == "ok"]
    waiting = stable[~stable["due"]]
    lost = table[table["status"] == "diverged"]
    widths = descent["hidden_widths"].iloc[0]
    sentences = [
        rf"Full-batch gradient descent on [[examples]] examples of "
        rf"{name_of(descent['dataset'].iloc[0])} (tanh network, hidden layers of "
        rf"{' and '.join(str(width) for width in widths)}, squared loss, [[seeds]] seeds). "
        r"(a) Training loss. (b) Sharpness $S$, the largest eigenvalue of the Hessian, by Lanczos "
        r"every [[every]] steps; dashed, $2/\eta$ of each rate."
    ]
    if len(due):
        sentences.append(
            r"Where the gradient flow would have passed $2/\eta$ by two thirds of the steps, the "
            r"median of $S$ over the last third is [[low]] to [[high]] times $2/\eta$."
        )
    if len(waiting):
        sentences.append(r"For $\eta = [[slow_rate]]$, without that time, it is [[slow]] times.")
    if len(beyond := due[due["start"] > 1]):
        sentences.append(
            r"For $\eta = [[beyond_rate]]$ it starts at [[beyond]] times $2/\eta$, where descent "
            r"on a quadratic diverges, and ends at [[beyond_end]] times."
        )
    if len(lost):
        sentences.append(
            r"For $\eta = [[lost_rate]]$, which starts at [[lost]] times $2/\eta$, the loss "
            r"diverges within [[lost_steps]] steps."
        )
    diverged = descent[descent["status"] == "diverged"]
    slow, far = waiting["learning_rate"].max(), beyond["learning_rate"].max()
    first = lost["learning_rate"].min()
    return Caption(
        " ".join(sentences),
        {
            "examples": Number(int(descent["examples"].iloc[0])),
            "seeds": Number(int(descent["seed"].nunique())),
            "every": Number(int(descent["every"].iloc[0])),
            "low": Number(due["late"].min(), digits=3),
            "high": Number(due["late"].max(), digits=3),
            "slow_rate": Number(slow, digits=1),
            "slow": Number.over_seeds(waiting[waiting.learning_rate == slow].late, 3),
            "beyond_rate": Number(far, digits=1),
            "beyond": Number.over_seeds(beyond[beyond.learning_rate == far].start, 3),
            "beyond_end": Number.over_seeds(beyond[beyond.learning_rate == far].late, 3),
            "lost_rate": Number(first, digits=1),
            "lost": Number.over_seeds(lost[lost.learning_rate == first].start, 3),
            "lost_steps": Number(int(diverged["step"].max()) if len(diverged) else 0),
        },
    )


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Whether training runs at the edge, and whether anything explodes there."""
    descent, table = tables["descent"], runs(tables["descent"], tables["flow"])
    due, worst = table[table["due"]], _worst(table)
    rates = ", ".join(f"{rate:g}" for rate in sorted(due["learning_rate"].unique()))
    per_rate = "; ".join(
        f"η = {rate:g}: {part['late'].mean():.3f} (largest {part['late_maximum'].max():.3f})"
        for rate, part in due.groupby("learning_rate")
    )
    widths = " and ".join(str(width) for width in descent["hidden_widths"].iloc[0])
    setting = (
        f"full-batch gradient descent on {descent['examples'].iloc[0]} examples of "
        f"{descent['dataset'].iloc[0]}, tanh network of hidden widths {widths}, squared loss, "
        f"{int(descent.step.max())} steps, the rates by whose time the flow's sharpness has passed "
        f"2/η ({rates})"
    )
    return [
        Claim(
            claim="edge-of-stability",
            source="F example 3",
            statement="at large learning rates training runs at the edge of stability",
            condition=f"{setting}; bound chosen: within {NEAR:.0%}, for 'right at, or just above' "
            "(Cohen et al. 2021, figure 1), which names no number",
            quantity="S η / 2, median of the last third of the steps, at the rate farthest from 1",
            values=worst.sort_values("seed")["late"].tolist(),
            lower=1 - NEAR,
            upper=1 + NEAR,
            remark=f"By rate: {per_rate}.{_without_edge(due, tables['flow'])}{_from_below(due)}",
        ),
        Claim(
            claim="edge-of-stability/explodes",
            source="F example 3",
            statement="exploding can occur near the edge of stability",
            condition=f"{setting}; bound: an explosion is a loss above the loss at the start, "
            "after S has first come within 5 % of 2/η",
            quantity="largest training loss at the edge over the loss at the start",
            values=_largest_loss_at_edge(descent, due),
            lower=1.0,
            remark=_instead(table),
        ),
    ]


def _without_edge(due: DataFrame, flow: DataFrame) -> str:
    """Where the sharpness would have gone, and why it stays above 2/η rather than on it."""
    if due.empty:
        return ""
    largest = flow.groupby("seed")["sharpness"].max().mean() / 2
    ratios = [f"{rate * largest:.2g}" for rate in sorted(due["learning_rate"].unique())]
    return (
        f" Along the flow it reaches {' and '.join(ratios)} times 2/η. S is measured at iterates "
        "that oscillate with period two and amplitude x about a point: there it is S + κx²/2 (κ: "
        "fourth derivative along the oscillation), while 2/η = S + κx²/6, so that a median just "
        "above 2/η belongs to a positive κ."
    )


def _instead(table: DataFrame) -> str:
    """Why nothing explodes at the edge, and what does explode."""
    lost = "; ".join(
        f"η = {rate:g} starts at {part['start'].mean():.2f} · 2/η"
        for rate, part in table[table["status"] == "diverged"].groupby("learning_rate")
    )
    return (
        "At the edge a growing oscillation lowers the sharpness, and so ends itself "
        "(self-stabilisation, Damian et al. 2023)."
    ) + (f" What diverges starts far beyond its edge: {lost}." if lost else "")


def _from_below(due: DataFrame) -> str:
    """That a rate need not be large to begin with, if the table has one that was not."""
    below = due[due["start"] < 1]
    if below.empty:
        return ""
    slow = below[below["learning_rate"] == below["learning_rate"].min()]
    return (
        " The rate need not be large at the start: "
        f"η = {slow['learning_rate'].min():g} starts at {slow['start'].mean():.2f} · 2/η, and the "
        "sharpness rises to its edge."
    )


def _largest_loss_at_edge(descent: DataFrame, due: DataFrame) -> list[float]:
    """Per seed, over its due runs: the largest loss after arriving at the edge, over the first."""
    largest: dict[int, float] = {}
    for (rate, seed), run in descent.groupby(["learning_rate", "seed"]):
        if not ((due["learning_rate"] == rate) & (due["seed"] == seed)).any():
            continue
        points = measured(run)
        # A run that starts beyond the edge has arrived when it has first come down to it.
        near = (points["ratio"] - 1).abs() <= NEAR
        if near.any():
            after = run[run["step"] >= points["step"][near].min()]["train_loss"]
            ratio = float(after.max() / run["train_loss"].iloc[0])
            largest[seed] = max(largest.get(seed, 0.0), ratio)
    return [largest[seed] for seed in sorted(largest)]
