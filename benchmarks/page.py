"""Write docs/benchmarks.md and its figures from the table of measurements.

    PYTHONPATH=src python benchmarks/page.py results/benchmarks.parquet --page docs/benchmarks.md

Every number on the page is one of the table's, or of results/benchmarks_whole.parquet. The text
around them is benchmarks/page.md; what was tried is taken in from benchmarks/notes.md.
"""

from command_line import run_script

import argparse
from collections.abc import Iterator
from pathlib import Path
from string import Template

import pandas as pd
from fit import exponent
from measurements import BUSY, PROJECT, read
from page_figures import draw_comparison, draw_growth
from ratios import OWN, between, medians, sweeps
from targets import targets
from theory import EXPONENTS

from gradient_atlas.drawing.style import Style

NOTES = PROJECT / "benchmarks/notes.md"
TEXT = PROJECT / "benchmarks/page.md"


def machine(facts: dict, whole: dict) -> Iterator[str]:
    """The machine, and whether it was busy."""
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    yield (
        f"Machine: {facts['processor']}, {facts['cores']} cores, {facts['memory_gb']:.0f} GB, "
        f"{facts['system']}; {versions}.\n"
    )
    for what, load in (("", facts["load"]), (" of the whole workflow", whole.get("load", 0.0))):
        if load > BUSY:
            yield (
                f"\n**The machine was busy** when the measurements{what} began (load {load:.1f}): "
                "seconds are too long, and ratios of wall time uncertain.\n"
            )


def comparison(rows: pd.DataFrame) -> Iterator[str]:
    """Ratios to this project, a line a way and width."""
    if rows.empty:
        yield "Not measured.\n"
        return
    yield "![Time of others over this project's, a panel a width](benchmarks.png)\n\n"
    yield _header(
        "width", "", "alone", "its processor time", "its loop's processor time", "sweep of 12"
    )
    for width in sorted(rows["size"].unique()):
        here = rows[rows["size"] == width]
        for way in here["way"].unique():
            cells = []
            for quantity in ("process", "processor", "loop"):
                one = here[(here["part"] == "alone") & (here["quantity"] == quantity)]
                own = one.loc[one["way"] == OWN, "value"].median()
                cells.append(f"{own:.1f} s" if way == OWN else str(between(one, way, OWN)))
            swept = here[here["part"] == "sweep"]
            own = swept.loc[swept["way"] == OWN, "value"].median()
            cells.append(f"{own:.0f} s" if way == OWN else str(sweeps(swept, way)))
            cells = ["not measured" if cell.startswith("nan") else cell for cell in cells]
            yield f"| {width} | {way} | {' | '.join(cells)} |\n"
    for way, remark in rows.loc[rows["remark"] != "", ["way", "remark"]].drop_duplicates().values:
        yield f"\n{way} was not measured: {remark}\n"


def steps(rows: pd.DataFrame) -> Iterator[str]:
    """What a step takes, beside its products."""
    rate = "of the products' rate"
    yield _header(
        "width",
        "products",
        "their rate",
        "loop, nothing logged",
        "norms logged",
        "everything logged",
        "norms logged / not",
        "everything / not",
        f"share {rate}, nothing logged",
        "everything logged",
    )
    times = rows[rows["quantity"] == "time"]
    for width in sorted(rows["size"].unique()):
        here = times[times["size"] == width]
        ms = here.groupby("way")["value"].median()
        done = rows.query("quantity == 'operations' and size == @width")["value"].iloc[0]
        shares = [between(here, "products", way) for way in ("unlogged", "logged")]
        yield (
            f"| {width} | {ms['products']:.2f} ms | {done / ms['products'] / 1e6:.0f} GFLOP/s | "
            f"{ms['unlogged']:.2f} ms | {ms['norms']:.2f} ms | {ms['logged']:.2f} ms | "
            f"{between(here, 'norms', 'unlogged')} | {between(here, 'logged', 'unlogged')} | "
            f"{shares[0]} | {shares[1]} |\n"
        )


def growth(rows: pd.DataFrame) -> Iterator[str]:
    """Exponents, measured and expected."""
    if rows.empty:
        yield "Not measured.\n"
        return
    yield "![Time and memory against what grows](benchmarks_growth.png)\n\n"
    yield _header("", "from", "to", "time", "expected", "memory", "expected")
    for axis, expected in EXPONENTS.items():
        here = rows[rows["way"] == axis]
        cells = []
        for quantity, theory in zip(("time", "memory"), expected, strict=True):
            values = medians(here[here["quantity"] == quantity])
            if len(values) < 2:
                cells.append(f"not measured | {theory}")
                continue
            slope = exponent(values.index, values)
            error = "" if pd.isna(slope.error) else f" ± {slope.error:.2f}"
            cells.append(f"{slope.value:.2f}{error} | {theory}")
        low, high = here["size"].min(), here["size"].max()
        yield f"| {axis} | {low} | {high} | {' | '.join(cells)} |\n"


def whole_workflow(rows: pd.DataFrame) -> Iterator[str]:
    """Seconds of builds, if they were measured."""
    if rows.empty:
        yield "Not measured; `make benchmark ARGS=--whole` does.\n"
        return
    yield _header("", "seconds", "job seconds / (time × cores)")
    for way in rows["way"].unique():
        values = rows[rows["way"] == way].set_index("quantity")["value"]
        share = f"{values['efficiency']:.2f}" if "efficiency" in values else ""
        time = "not measured" if pd.isna(values["time"]) else f"{values['time']:.1f}"
        yield f"| {way} | {time} | {share} |\n"
    for way, remark in rows.loc[rows["remark"] != "", ["way", "remark"]].values:
        yield f"\n{way} ended with an error: {remark}\n"


def aims(rows: pd.DataFrame) -> Iterator[str]:
    """Each target, and of the missed what they would need."""
    yield _header("", "target", "measured", "", "what would be needed")
    for target in targets(rows):
        open_ = target.verdict == "not measured"
        found = "" if open_ else f"{target.found:.2f}"
        needed = target.needed if target.verdict == "missed" else ""
        sign = "≥" if target.at_least else "≤"
        aim = f"{sign} {target.bound:g}"
        yield f"| {target.what} | {aim} | {found} | {target.verdict} | {needed} |\n"


def _header(*titles: str) -> str:
    return f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}\n"


def write_page(results: Path, page_file: Path) -> None:
    """Write the page and, beside it, benchmarks.png and benchmarks_growth.png."""
    rows, facts = read(results)
    more, whole = read(results.with_stem(f"{results.stem}_whole"))
    compared = pd.concat([rows, more]).query("part in ('alone', 'sweep')")
    parts = {
        "machine": machine(facts, whole),
        "comparison": comparison(compared),
        "steps": steps(rows.query("part == 'step'")),
        "growth": growth(rows.query("part == 'growth'")),
        "workflow": whole_workflow(more.query("part in ('workflow', 'archive', 'tests')")),
        "targets": aims(pd.concat([rows, more])),
        "notes": [NOTES.read_text(encoding="utf-8").split("-->\n", 1)[-1].strip()],
    }
    text = Template(TEXT.read_text(encoding="utf-8"))
    page_file.parent.mkdir(parents=True, exist_ok=True)
    page = text.substitute({name: "".join(part) for name, part in parts.items()})
    page_file.write_text(page, encoding="utf-8")
    style = Style()
    with style.applied():
        for draw, drawn, name in (
            (draw_comparison, compared, "benchmarks"),
            (draw_growth, rows.query("part == 'growth'"), "benchmarks_growth"),
        ):
            if not drawn.empty:
                file = page_file.with_name(f"{name}.png")
                draw(drawn, style).savefig(file, dpi=style.png_resolution)


def main() -> None:
    """Read the arguments and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="results/benchmarks.parquet")
    parser.add_argument("--page", type=Path, required=True, help="Markdown file to write")
    arguments = parser.parse_args()
    write_page(arguments.results, arguments.page)


if __name__ == "__main__":
    run_script(main)
