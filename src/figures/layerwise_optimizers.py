"""SGD, LARS and LAMB from small to absurd learning rates: where each explodes, and why."""

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.style import Style, band, label_panels, look_of
from gradient_atlas.measures.layers import STABLE_DECADES
from gradient_atlas.runs.names import name_of

TABLES = {
    "gradients": "training/layerwise_optimizers/gradients",
    "metrics": "training/layerwise_optimizers/metrics",
}

OPTIMIZERS = ("sgd", "lars", "lamb")
EXPLODED = 10**STABLE_DECADES
LARGEST_LOSS_SHOWN = 3e2
LARGEST_GROWTH_SHOWN = 1e32


def draw(tables: dict[str, DataFrame], style: Style) -> Figure:
    """Panels: final loss and gradient growth against rate; trust and update ratio a layer."""
    figure, axes = style.new_figure(4, columns=2, panel_height=1.8)
    loss, growth, trust, update = axes
    ends = run_ends(tables["metrics"])
    _draw_scan(loss, ends, "final_loss", LARGEST_LOSS_SHOWN)
    loss.axhline(ends.first_loss.mean(), color="black", linewidth=0.6, linestyle=":")
    loss.set(ylabel="final training loss")
    _draw_scan(growth, ends, "growth", LARGEST_GROWTH_SHOWN)
    growth.axhline(EXPLODED, color="black", linewidth=0.6, linestyle=":")
    growth.set(ylabel="gradient norm's growth")
    for axes_of_scan in (loss, growth):
        axes_of_scan.set(xlabel=r"learning rate $\eta$")
    _draw_layers(trust, trust_ratios(tables["gradients"]), "trust_ratio")
    trust.set(ylabel=r"$\|\Delta W\| \,/\, \eta\,\|\nabla W\|$")
    _draw_layers(update, at_stable_rates(tables["gradients"], ends), "update_ratio")
    update.set(ylabel=r"$\|\Delta W\| \,/\, \|W\|$")
    for axes_of_layers in (trust, update):
        axes_of_layers.set(xlabel="layer $l$ (1: nearest input)", yscale="log")
    label_panels(
        axes,
        ["Loss", "Explosion", "Trust ratio, first step", "At the largest stable rate, first step"],
    )
    figure.legend(*loss.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _draw_scan(axes: Axes, ends: DataFrame, quantity: str, largest: float) -> None:
    """Median line and each seed's point; what is larger than the axis stands on a row above it."""
    axes.set(xscale="log", yscale="log")
    for position, optimizer in enumerate(OPTIMIZERS):
        rows, look = ends[ends.optimizer == optimizer], look_of(optimizer, position)
        middle = rows.groupby("learning_rate")[quantity].median()
        middle = middle[middle <= largest]
        axes.plot(middle.index, middle, **(look | {"marker": "None"}))
        axes.plot([], [], label=name_of(optimizer), **look)
        inside = rows[rows[quantity] <= largest]
        points = {"linestyle": "None", "color": look["color"]}
        axes.plot(inside.learning_rate, inside[quantity], marker=look["marker"], **points)
        # One row an optimizer, so that they do not hide each other; filled: finite, cross: not.
        row = largest * (largest / ends[quantity].min()) ** (0.05 + 0.08 * (2 - position))
        beyond = rows[rows[quantity] > largest]
        for finite, marker in ((True, look["marker"]), (False, "x")):
            shown = beyond[np.isfinite(beyond[quantity]) == finite]
            axes.plot(shown.learning_rate, [row] * len(shown), marker=marker, **points)
    top = largest * (largest / ends[quantity].min()) ** 0.28
    axes.set_ylim(top=top)
    axes.axhspan(largest, top, color="0.93", linewidth=0, zorder=-1)
    axes.text(
        0.02,
        0.97,
        "beyond the axis",
        transform=axes.transAxes,
        va="top",
        fontsize=mpl.rcParams["legend.fontsize"],
    )


def _draw_layers(axes: Axes, rows: DataFrame, quantity: str) -> None:
    for position, optimizer in enumerate(OPTIMIZERS):
        layers = rows[rows.optimizer == optimizer].groupby("layer")[quantity]
        middle = layers.agg(lambda values: np.exp(np.log(values).mean()))
        look = look_of(optimizer, position)
        band(axes, middle.index, middle, layers.min(), layers.max(), **look)


def run_ends(metrics: DataFrame) -> DataFrame:
    """One row a run: first and final loss, growth of the gradient norm, whether it was stable.

    growth is the largest gradient norm of the logged steps over the first one, infinite for a run
    that diverged. A run is stable if it did not diverge, grew at most ``EXPLODED`` times and ended
    with no more loss than it began with.
    """
    ends = []
    for (optimizer, rate, seed), rows in metrics.groupby(["optimizer", "learning_rate", "seed"]):
        rows = rows.sort_values("step")
        ok = bool((rows.status == "ok").all())
        norms = rows.gradient_norm
        end = {"optimizer": optimizer, "learning_rate": rate, "seed": seed}
        end["first_loss"] = rows.train_loss.iloc[0]
        end["final_loss"] = rows.train_loss.iloc[-1] if ok else np.inf
        end["growth"] = norms.max() / norms.iloc[0] if ok else np.inf
        ends.append(end)
    frame = DataFrame(ends)
    frame["stable"] = (frame.growth <= EXPLODED) & (frame.final_loss <= frame.first_loss)
    return frame


def largest_stable_rates(ends: DataFrame, optimizer: str) -> list[float]:
    """One a seed: the largest rate of the scan below which no run was unstable; nan if none."""
    found = []
    for _, rows in ends[ends.optimizer == optimizer].groupby("seed"):
        rows = rows.sort_values("learning_rate")
        stable = rows.learning_rate[rows.stable.cummin()]
        found.append(float(stable.max()) if len(stable) else np.nan)
    return found


def trust_ratios(gradients: DataFrame) -> DataFrame:
    """First-step rows at the scan's middle rate, with ‖ΔW‖ / (η ‖∇W‖) a layer.

    ‖ΔW‖ is update_ratio times weight_norm; the probe batch's gradient stands for the minibatch's.
    The first update is proportional to η, so that the rate does not matter.
    """
    rates = np.sort(gradients.learning_rate.unique())
    rows = gradients[(gradients.step == 0) & (gradients.learning_rate == rates[len(rates) // 2])]
    change = rows.update_ratio * rows.weight_norm
    return rows.assign(trust_ratio=change / (rows.learning_rate * rows.weight_gradient_norm))


def at_stable_rates(gradients: DataFrame, ends: DataFrame) -> DataFrame:
    """First-step rows of each seed's run at its optimizer's largest stable rate."""
    parts = []
    for optimizer in OPTIMIZERS:
        seeds = np.sort(ends[ends.optimizer == optimizer].seed.unique())
        for seed, rate in zip(seeds, largest_stable_rates(ends, optimizer), strict=True):
            chosen = (gradients.optimizer == optimizer) & (gradients.learning_rate == rate)
            parts.append(gradients[chosen & (gradients.seed == seed) & (gradients.step == 0)])
    rows = DataFrame({name: np.concatenate([part[name] for part in parts]) for name in _USED})
    return rows.astype({"layer": int, "update_ratio": float})


_USED = ("optimizer", "seed", "layer", "update_ratio")


def caption(tables: dict[str, DataFrame]) -> Caption:
    """The largest stable rates and what they have in common, from the tables."""
    ends, run = run_ends(tables["metrics"]), tables["metrics"].iloc[0]
    stable = at_stable_rates(tables["gradients"], ends)
    steps = int(tables["metrics"].step.max())
    numbers, spans = {}, {}
    for optimizer in OPTIMIZERS:
        rates = largest_stable_rates(ends, optimizer)
        numbers[f"{optimizer}_least"] = Number(min(rates), digits=1)
        numbers[f"{optimizer}_most"] = Number(max(rates), digits=1)
        one = min(rates) == max(rates)
        spans[optimizer] = f"[[{optimizer}_least]]" + ("" if one else f" to [[{optimizer}_most]]")
        ratio = stable[stable.optimizer == optimizer].update_ratio
        numbers[f"{optimizer}_ratio"] = Number(float(np.exp(np.log(ratio).mean())), digits=1)
    return Caption(
        rf"{_headline(ends)}ReLU and He, [[depth]] layers of "
        rf"width [[width]], {name_of(run.dataset)}, [[steps]] steps, [[seeds]] seeds "
        r"(points, or band: range). (a) Loss after the last step (dotted: before the first); grey: "
        r"beyond the axis, a row each for SGD, LARS and LAMB, "
        r"crosses: not finite. (b) Largest gradient norm over the first; dotted: "
        r"two orders of magnitude. A run is stable if it stays below that line and ends with no "
        r"more loss than it began with; the largest rate up to which all runs are stable is, "
        f"depending on the seed, {spans['sgd']} for SGD, {spans['lars']} for LARS and "
        f"{spans['lamb']} for LAMB. "
        r"(c) Step over that of SGD with the same $\eta$. (d) Relative change of a layer at that "
        r"largest rate: in the geometric mean "
        r"[[sgd_ratio]] for SGD, [[lars_ratio]] for LARS and [[lamb_ratio]] for LAMB.",
        numbers
        | {
            "depth": Number(int(run.depth)),
            "width": Number(int(run.width)),
            "steps": Number(steps),
            "seeds": Number(int(ends.seed.nunique())),
        },
    )


def _headline(ends: DataFrame) -> str:
    """What the scan comes to, if every optimizer has an edge and LARS's is not that of SGD."""
    sgd, lars = (largest_stable_rates(ends, optimizer) for optimizer in ("sgd", "lars"))
    edges = (~ends.stable).groupby(ends.optimizer).any().all()
    if not edges or not min(lars) > max(sgd):
        return ""
    return "Layerwise rates move the edge, they do not remove it. "


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Does each optimizer explode in the scan, and do layerwise rates allow larger ones?"""
    ends, run = run_ends(tables["metrics"]), tables["metrics"].iloc[0]
    rates = np.sort(ends.learning_rate.unique())
    scan = f"ReLU and He, {run.depth} layers, {run.dataset}, rates {rates[0]:g} to {rates[-1]:g}"
    sgd = largest_stable_rates(ends, "sgd")
    found = []
    for optimizer in OPTIMIZERS:
        rows = ends[ends.optimizer == optimizer]
        exploding = rows[rows.growth > EXPLODED].groupby("seed").learning_rate.min()
        stable = largest_stable_rates(ends, optimizer)
        where = f"{name_of(optimizer)}, {scan}; bound: "
        found.append(
            Claim(
                claim=f"layerwise-rates/{optimizer}",
                statement="even with ReLU, exploding can still occur in very large learning-rate "
                "regimes (e.g. LARS, LAMB)",
                quantity="log10 of the largest growth of the gradient norm over the scan",
                values=list(np.log10(rows.groupby("seed").growth.max())),
                lower=float(np.log10(EXPLODED)),
                unit="decades",
                remark=(
                    f"From the rate {exploding.min():g} on (seeds: up to {exploding.max():g}). "
                    if len(exploding)
                    else ""
                )
                + f"Largest stable rate {min(stable):g} to {max(stable):g}; loss or gradient not "
                f"finite in {int(np.isinf(rows.growth).sum())} of {len(rows)} runs.",
                source="F example 3",
                condition=f"{where}exploding is to leave the 2 orders of magnitude in which the "
                "source calls a norm stable",
            )
        )
        if optimizer == "sgd":
            continue
        found.append(
            Claim(
                claim=f"layerwise-rates/{optimizer}-larger",
                statement="LARS and LAMB are very large learning-rate regimes",
                quantity="largest stable rate over that of SGD, same seed",
                values=[own / plain for own, plain in zip(stable, sgd, strict=False)],
                lower=float(np.nextafter(1.0, 2.0)),
                remark=_CHANGES[optimizer],
                source="F example 3",
                condition=f"{where}larger than the largest stable rate of SGD",
            )
        )
    return found


# What the rate of each optimizer is the rate of.
_CHANGES = {
    "lars": "LARS multiplies η by a trust coefficient of 0.001 and by ‖W‖/‖∇W‖ in each layer (You "
    "et al. 2017), so that a thousandth of η is the relative change of each layer's weights.",
    "lamb": "LAMB multiplies η by ‖W‖ over the norm of Adam's step (You et al. 2020), so that η "
    "itself is the relative change of each layer's weights. Large for LAMB are batches, not rates.",
}
