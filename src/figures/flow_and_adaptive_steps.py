"""Heavy ball and Adam beside their continuous limits: loss at the same time, and distances."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.descent import FLOW
from gradient_atlas.drawing.panels import letters_of, only
from gradient_atlas.drawing.style import COLORS, THEORY, Style, label_panels
from gradient_atlas.measures.limits import EXPECTED, ends, orders, shown
from gradient_atlas.runs.names import name_of

TABLES = {"limits": "dynamics/limits"}
TITLES = {
    "rescaled_flow": r"heavy ball, $\beta$ fixed",
    "inertial_flow": r"heavy ball, $\beta = 1 - \gamma\sqrt{\eta}$",
    "sign_flow": r"Adam, $\beta_1, \beta_2$ fixed",
    "adaptive_flow": r"Adam, $\beta = 1 - \eta/\tau$",
}
TIMES = {
    "rescaled_flow": r"$t = k\eta/(1-\beta)$",
    "inertial_flow": r"$t = k\sqrt{\eta}$",
    "sign_flow": r"$t = k\eta$",
    "adaptive_flow": r"$t = k\eta$",
}
LOOKS = {
    ("rescaled_flow", "distance"): ("orange", "o", r"heavy ball, $\beta$ fixed"),
    ("rescaled_flow", "modified_distance"): ("purple", "D", "to its modified flow"),
    ("inertial_flow", "distance"): ("green", "^", r"$\beta = 1 - \gamma\sqrt{\eta}$"),
    ("sign_flow", "distance"): ("orange", "o", r"Adam, $\beta_1, \beta_2$ fixed"),
    ("adaptive_flow", "distance"): ("green", "^", r"$\beta = 1 - \eta/\tau$"),
}
OF = {
    "heavy ball": ("rescaled_flow", "inertial_flow"),
    "Adam": ("sign_flow", "adaptive_flow"),
}
SAID = {
    ("rescaled_flow", "distance"): r"heavy ball at fixed $\beta$ to the flow",
    ("rescaled_flow", "modified_distance"): (
        r"the same to the flow of $L + \frac{h}{4}\frac{1+\beta}{1-\beta}\|\nabla L\|^2$, "
        r"$h = \eta/(1-\beta)$"
    ),
    ("inertial_flow", "distance"): r"heavy ball with $\beta = 1 - \gamma\sqrt{\eta}$",
    ("sign_flow", "distance"): r"Adam at fixed $\beta_1$ and $\beta_2$",
    ("adaptive_flow", "distance"): r"Adam with $\beta = 1 - \eta/\tau$",
}
RUNS = (("orange", "--", "o"), ("green", ":", "^"), ("purple", "-.", "s"))


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """A panel of losses a limit; the distances of each optimiser on logarithmic axes."""
    limits = tables["limits"]
    names = list(limits["limit"].unique())
    optimizers = [said for said, own in OF.items() if set(own) & set(names)]
    figure, axes = style.new_figure(len(names) + len(optimizers), columns=3, panel_height=1.85)
    for panel, name in zip(axes, names, strict=False):
        _losses(panel, shown(limits, name), name)
    for panel, said in zip(axes[len(names) :], optimizers, strict=True):
        _distances(panel, limits, [name for name in OF[said] if name in names])
    label_panels(axes, [TITLES[name] for name in names] + [f"{said}, order" for said in optimizers])
    return figure


def _losses(axes: Axes, rows: DataFrame, name: str) -> None:
    own = rows[rows["steps"] == 0]
    axes.plot(own["time"], own["loss"], **(FLOW | {"zorder": 1, "linewidth": 2.5}), label="limit")
    counts = sorted(rows.loc[rows["steps"] > 0, "steps"].unique())
    for position, count in enumerate(counts):
        run = rows[rows["steps"] == count]
        color, line, marker = RUNS[position % len(RUNS)]
        axes.plot(
            run["time"], run["loss"], color=COLORS[color], linestyle=line, marker=marker,
            markevery=max(1, count // 8), markersize=2.5, linewidth=0.9,
            label=rf"$\eta = {run['learning_rate'].iloc[0]:.2g}$",
        )  # fmt: skip
    axes.set(xlabel=TIMES[name], ylabel="loss", yscale="log")
    low, high = axes.get_ylim()
    high *= (high / low) ** 0.35  # room for the legend
    axes.set_ylim(low, high)
    axes.set_yticks([tick for tick in (0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10) if low <= tick <= high])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.legend(loc="upper right", borderpad=0, labelspacing=0.2, handlelength=1.8)


def _distances(axes: Axes, limits: DataFrame, names: list[str]) -> None:
    """Means over seeds; thin, the expected order through the finest step."""
    for (name, column), order in EXPECTED.items():
        if name not in names:
            continue
        color, marker, label = LOOKS[name, column]
        rows = ends(limits, name, column).dropna()
        mean = rows.groupby("learning_rate")["distance"].mean()
        axes.plot(mean.index, mean, color=COLORS[color], marker=marker, linestyle="", label=label)
        if len(mean):
            line = mean.iloc[0] * (mean.index / mean.index[0]) ** order
            axes.plot(mean.index, line, **(THEORY | {"zorder": 1}))
    axes.set(xlabel=r"learning rate $\eta$", ylabel="distance at the end")
    if any(np.size(line.get_xdata()) for line in axes.lines):
        axes.set(xscale="log", yscale="log")
        axes.xaxis.set_minor_formatter("")
        low, high = axes.get_ylim()
        axes.set_ylim(low, high * (high / low) ** 0.55)
        axes.legend(loc="upper left", borderpad=0, labelspacing=0.2, handletextpad=0.2)
    else:
        axes.text(0.5, 0.5, "no distance above\nthe solver's error", ha="center", va="center")


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Every number from the tables."""
    limits = tables["limits"]
    first, names = limits.iloc[0], list(limits["limit"].unique())
    widths = ", ".join(str(width) for width in first["hidden_widths"])
    numbers = {
        "examples": Number(int(first["examples"])),
        "seed": Number(int(limits["seed"].min())),
        "seeds": Number(int(limits["seed"].nunique())),
    }
    optimizers = sum(bool(set(own) & set(names)) for own in OF.values())
    losses, said_losses = letters_of(range(len(names)))
    distances, said_distances = letters_of(range(len(names), len(names) + optimizers))
    parts = []
    for (name, column), said in SAID.items():
        if name in names:
            key = f"{name}_{column}"
            numbers[key] = Number.over_seeds(orders(limits, name, column), digits=3)
            expected = "1/2" if EXPECTED[name, column] == 0.5 else f"{EXPECTED[name, column]:g}"
            parts.append(rf"{said} $[[{key}]]$ (theory ${expected}$)")
    text = (
        rf"A tanh network ({f'hidden widths {widths}' if widths else 'no hidden layer'}, squared "
        rf"loss, [[examples]] examples of {name_of(first['dataset'])}) under heavy ball and Adam "
        r"beside the differential equations that they follow as $\eta \to 0$ (blue), at the same "
        r"time. "
        + only(losses, f"{said_losses} Losses of seed [[seed]]. ")
        + only(
            distances,
            f"{said_distances} Distance to the limit at the end (mean of [[seeds]] seeds), thin, "
            r"the expected order through the finest step. Orders in $\eta$: "
            rf"{'; '.join(parts)}.",
        )
    )
    return Caption(text, numbers)
