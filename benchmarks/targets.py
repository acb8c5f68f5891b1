"""What is aimed at, held against what was measured, and what a missed target would need."""

from collections.abc import Iterator

import pandas as pd
from ratios import OWN, Target, between, sweeps

SWEEPS = (
    (128, "notebook", 3.0),
    (128, "cockpit", 3.0),
    (128, "lightning", 6.0),
    (32, "notebook", 6.0),
)
LOGGING = 1.10  # the whole loop / the loop that logs nothing
SHARE = 0.80  # of the products' rate
WHOLE = {
    "default build": 600.0,
    "smoke build": 60.0,
    "one figure for another venue": 3.0,
    "every figure for another venue": 25.0,
    "the same again, nothing to do": 2.0,
    "make test": 300.0,
}
EFFICIENCY = 0.9


def targets(rows: pd.DataFrame) -> Iterator[Target]:
    """Every target with what these rows say of it."""
    yield from _sweeps(rows[rows["part"] == "sweep"])
    yield from _steps(rows[(rows["part"] == "step") & (rows["quantity"] == "time")])
    yield from _whole(rows[rows["part"].isin(["workflow", "tests"])])


def _sweeps(rows: pd.DataFrame) -> Iterator[Target]:
    for width, way, bound in SWEEPS:
        here = rows[rows["size"] == width]
        found = sweeps(here, way).median
        own = here.loc[here["way"] == OWN, "value"].median()
        share = found / bound
        needed = (
            f"twelve runs in {own * share:.0f} s, {share:.2f} of the {own:.0f} s that they take"
        )
        yield Target(f"sweep, width {width}: {way} / {OWN}", bound, found, True, needed)


def _steps(rows: pd.DataFrame) -> Iterator[Target]:
    middle = rows.groupby(["size", "way"])["value"].median().unstack()
    for width in (32, 128):
        if width not in middle.index:
            continue
        found = between(rows[rows["size"] == width], "logged", "unlogged").median
        more = middle.loc[width, "logged"] - middle.loc[width, "unlogged"]
        allowed = (LOGGING - 1) * middle.loc[width, "unlogged"]
        needed = (
            f"all that is logged may add {allowed:.2f} ms a step where it adds {more:.2f}, so "
            f"{allowed / more:.2f} of it: fewer logged steps, or fewer rows evaluated at each"
        )
        yield Target(
            f"loop with everything logged / without, width {width}", LOGGING, found, False, needed
        )
    for width in (128, 512):
        if width not in middle.index:
            continue
        found = between(rows[rows["size"] == width], "products", "unlogged").median
        rest = middle.loc[width, "unlogged"] - middle.loc[width, "products"]
        allowed = middle.loc[width, "products"] * (1 / SHARE - 1)
        needed = (
            f"what is no product (activations, loss, update, the look for divergence, calls) in "
            f"{allowed:.2f} ms a step, not {rest:.2f}"
        )
        yield Target(f"share of the products' rate, width {width}", SHARE, found, True, needed)


def _whole(rows: pd.DataFrame) -> Iterator[Target]:
    values = rows.set_index(["way", "quantity"])["value"]
    for name, bound in WHOLE.items():
        found = values.get((name, "time"))
        needed = "" if found is None else f"{bound / found:.2f} of the time"
        yield Target(f"{name}, seconds", bound, found, False, needed)
    found = values.get(("default build", "efficiency"))
    needed = (
        ""
        if found is None
        else f"{1 - found:.0%} of the cores' time idle, at most {1 - EFFICIENCY:.0%}"
    )
    yield Target("default build, job seconds / (time × cores)", EFFICIENCY, found, True, needed)
