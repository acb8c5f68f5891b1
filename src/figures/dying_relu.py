"""Units that no example switches on, through training: ReLU beside Leaky ReLU, at two rates."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from pandas import DataFrame, Series

from gradient_atlas.claims.claim import Claim
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.looks.layer_map import draw_layer_map
from gradient_atlas.drawing.style import Style, label_panels
from gradient_atlas.measures.layers import layer_step_table
from gradient_atlas.measures.runs import diverged_runs
from gradient_atlas.runs.names import name_of

TABLES = {
    "gradients": "training/dying_relu/gradients",
    "metrics": "training/dying_relu/metrics",
}

ACTIVATIONS = ("relu", "leaky_relu")


def _panels(tables: dict[str, DataFrame]) -> list[tuple[str, float]]:
    rates = sorted(tables["gradients"]["learning_rate"].unique())
    return [(activation, rate) for activation in ACTIVATIONS for rate in rates]


def _hidden(tables: dict[str, DataFrame], activation: str, rate: float) -> DataFrame:
    rows = tables["gradients"]
    rows = rows[(rows["activation"] == activation) & np.isclose(rows["learning_rate"], rate)]
    return rows[rows["layer"] < rows["layer"].max()]


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """A map of layers and steps for each activation (rows) and rate (columns)."""
    pairs = _panels(tables)
    rates = len(pairs) // len(ACTIVATIONS)
    figure, axes = style.new_figure(
        len(pairs), columns=rates, panel_height=1.65, sharex=True, sharey=True
    )
    maps = [
        layer_step_table(_hidden(tables, *pair), "inactive_fraction").mul(100) for pair in pairs
    ]
    largest = max(1.0, *(np.nanmax(table.to_numpy()) for table in maps))
    titles = []
    for position, ((activation, rate), table) in enumerate(zip(pairs, maps, strict=True)):
        mesh = draw_layer_map(axes[position], table, cmap="cividis", vmin=0, vmax=largest)
        if position % rates == 0:
            axes[position].set_ylabel("layer")
        if position >= len(pairs) - rates:
            axes[position].set_xlabel("update")
        state = _state(_hidden(tables, activation, rate))
        titles.append(rf"{name_of(activation)}, $\eta = {rate:g}$: {state}")
    label_panels(axes, titles)
    bar = figure.colorbar(mesh, ax=axes, aspect=30, pad=0.02)
    bar.set_label(r"units off for every example (%)")
    return figure


def _state(rows: DataFrame) -> str:
    """What it means for these units to be off for every example."""
    measured = rows.dropna(subset=["dead_fraction"])
    if (measured["dead_fraction"] == measured["inactive_fraction"]).all():
        return "dead"
    return "off, not dead" if (measured["dead_fraction"] == 0).all() else "off"


def _share(tables: dict[str, DataFrame], activation: str, rate: float, column: str) -> DataFrame:
    """By seed, the mean of ``column`` over hidden layers: columns start, end (of surviving runs).

    A diverged seed's end is nan: its units are beyond float's range, not alive.
    """
    means = (
        _hidden(tables, activation, rate)
        .groupby(["seed", "step"])[column]
        .agg(lambda values: values.mean(skipna=False))
        .unstack("step")
    )
    metrics = tables["metrics"]
    chosen = (metrics["activation"] == activation) & np.isclose(metrics["learning_rate"], rate)
    diverged = metrics[chosen & (metrics["status"] == "diverged")]["seed"].unique()
    end = means.iloc[:, -1].where(~means.index.isin(diverged))
    return DataFrame({"start": means.iloc[:, 0], "end": end})


def _peak(tables: dict[str, DataFrame], activation: str, rate: float) -> float:
    """The largest mean over hidden layers at any logged step, averaged over seeds."""
    rows = _hidden(tables, activation, rate).groupby(["seed", "step"])["inactive_fraction"].mean()
    return float(rows.groupby("seed").max().mean())


def _percent(values: Series) -> Number:
    return Number.over_seeds(100 * values.dropna(), unit=r"\%")


def caption(tables: dict[str, DataFrame]) -> Caption:
    """Start, highest and last share at each rate, and that no leaky unit is dead."""
    run, metrics = tables["gradients"].iloc[0], tables["metrics"]
    rates = sorted(metrics["learning_rate"].unique())
    diverged, runs = diverged_runs(metrics, ["activation", "learning_rate"])
    names = {"relu": "r", "leaky_relu": "l"}
    start = _share(tables, "relu", rates[0], "dead_fraction")["start"]
    numbers = {
        "depth": Number(int(run["depth"])),
        "width": Number(int(run["width"])),
        "probes": Number(int(run["probe_examples"])),
        "seeds": Number(int(metrics["seed"].nunique())),
        "steps": Number(int(metrics["step"].max())),
        "low": Number(float(rates[0]), digits=1),
        "high": Number(float(rates[-1]), digits=1),
        "start": _percent(start),
        "diverged": Number(diverged),
        "runs": Number(runs),
    }
    for activation, short in names.items():
        for rate, word in ((rates[0], "low"), (rates[-1], "high")):
            share = _share(tables, activation, rate, "inactive_fraction")["end"]
            numbers[f"{short}_{word}"] = _percent(share)
    numbers["peak"] = Number(100 * _peak(tables, "relu", rates[-1]), unit=r"\%")
    dead = max(_share(tables, "leaky_relu", r, "dead_fraction")["end"].max() for r in rates)
    numbers["leaky_dead"] = Number(100 * float(dead), digits=1, unit=r"\%")
    return Caption(
        r"Units that are off ($z \leq 0$) for each of [[probes]] examples, by hidden layer and "
        rf"update: networks of [[depth]] layers and width [[width]] with He initialisation on "
        rf"{name_of(run['dataset'])}, SGD, mean over [[seeds]] seeds. "
        r"A ReLU unit in this state is dead: "
        r"its derivative is 0 and its weights get no gradient. A Leaky ReLU unit in the same state "
        r"keeps a derivative of 0.01; [[leaky_dead]] of them are dead. At initialisation [[start]] "
        r"of the ReLU units are dead; after [[steps]] updates [[r_low]] at the low rate and "
        r"[[r_high]] at the high one, where [[peak]] were at the worst. Of the Leaky ReLU units "
        r"[[l_low]] and [[l_high]] are off in the end. [[diverged]] of [[runs]] runs diverged.",
        numbers,
    )


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Whether leaky units die, whether ReLU's do, and whether leaky ones are on more often."""
    run, metrics = tables["gradients"].iloc[0], tables["metrics"]
    rate = float(metrics["learning_rate"].max())
    shared = (
        f"{run['depth']} layers, width {run['width']}, He, {run['dataset']}, SGD with rate "
        f"{rate:g} (the high one of two), after {metrics['step'].max()} updates; a unit is dead "
        f"when its derivative is 0 for each of {run['probe_examples']} examples"
    )
    relu = _share(tables, "relu", rate, "dead_fraction")
    leaky = _share(tables, "leaky_relu", rate, "inactive_fraction")
    common: dict[str, Any] = {"source": "V section 5.1"}
    return [
        Claim(
            claim="leaky-prevents-dying/leaky",
            statement="Leaky ReLU provides non-zero gradients for negative inputs, preventing "
            "dying neurons",
            condition=f"{shared}; bound: prevented means that none is dead",
            quantity="share of dead Leaky ReLU units in the hidden layers",
            values=_share(tables, "leaky_relu", rate, "dead_fraction")["end"].tolist(),
            upper=0.0,
            remark="It follows from the definition: the derivative is at least 0.01.",
            **common,
        ),
        Claim(
            claim="leaky-prevents-dying/relu",
            statement="ReLU neurons die (in training, which Leaky ReLU is to prevent)",
            condition=f"{shared}; bound: to die in training, more units must be dead after it than "
            "before",
            quantity="share of dead ReLU units in the end minus that at initialisation",
            values=(relu["end"] - relu["start"]).tolist(),
            lower=np.nextafter(0.0, 1.0),
            remark=f"Dead units come with the initialisation ({_words(relu['start'])}) and are "
            f"{_words(relu['end'])} in the end: a unit without gradient is still moved by what the "
            "layers below it learn, so that death is not for ever.",
            **common,
        ),
        Claim(
            claim="leaky-prevents-dying/active",
            statement="with Leaky ReLU fewer neurons end in the state in which a ReLU is dead",
            condition=f"{shared}; bound: fewer units with z ≤ 0 on all examples than with ReLU",
            quantity="share of ReLU units off for all examples minus that of Leaky ReLU units, in "
            "the end, same seed",
            values=(relu["end"] - leaky["end"]).tolist(),
            lower=np.nextafter(0.0, 1.0),
            remark=f"ReLU {_words(relu['end'])}, Leaky ReLU {_words(leaky['end'])}; at "
            f"initialisation {_words(relu['start'])} and {_words(leaky['start'])}.",
            **common,
        ),
    ]


def _words(shares: Series) -> str:
    return f"{100 * shares.mean():.1f} ± {100 * shares.std():.1f} %"
