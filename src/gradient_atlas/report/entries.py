"""What a page says of a figure: its caption, and what made the tables that it is drawn from."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gradient_atlas.report.maths import spoken
from gradient_atlas.tables import files as tables

_MOST_VALUES = 8  # a parameter with more values is shown as its range
_LARGEST_SVG = 1_000_000  # bytes; beyond, the page takes the PNG
_PROVENANCE = ("versions", "code", "sha256")


@dataclass(frozen=True)
class Entry:
    """A figure of the page.

    Attributes:
        name: of the figure, and its anchor on the page.
        category: the stage that its first data set comes from.
        caption: Markdown with maths between dollars, as ``Caption.plain`` gives it.
        image: the drawing, as the address of an ``<img>``.
        parameters: what made its tables, each parameter with its values.
    """

    name: str
    category: str
    caption: str
    image: str
    parameters: Mapping[str, str]

    @property
    def title(self) -> str:
        """The name as a reader says it."""
        return self.name.replace("_", " ").capitalize()

    @property
    def alternative(self) -> str:
        """What stands for the drawing where it is not seen: the caption's first sentence."""
        first = re.split(r"(?<=[.])\s", spoken(self.caption), maxsplit=1)[0]
        return f"{self.title}: {first}"


def entry_of(
    svg: Path,
    datasets: Sequence[str],
    results: Path,
    sweeps: Mapping[str, Mapping[str, Any]],
    image: str,
) -> Entry:
    """Return what a page says of a built figure.

    Args:
        svg: the figure's drawing; its caption lies beside it.
        datasets: the data sets that it is drawn from.
        results: the folder of all tables.
        sweeps: as ``tables.files.gather`` takes them.
        image: the drawing's address for the page.
    """
    files = [file for dataset in datasets for file in tables.files_of(dataset, results, sweeps)]
    return Entry(
        name=svg.stem,
        category=datasets[0].partition("/")[0],
        caption=svg.with_suffix(".md").read_text().strip(),
        image=image,
        parameters=parameters_of(files),
    )


def image_address(svg: Path, png: Path) -> str:
    """Return the drawing as a data address: the SVG, or the PNG where the SVG is huge."""
    chosen, kind = (png, "png") if svg.stat().st_size > _LARGEST_SVG else (svg, "svg+xml")
    return f"data:image/{kind};base64,{base64.b64encode(chosen.read_bytes()).decode()}"


def parameters_of(files: Sequence[Path]) -> dict[str, str]:
    """Return what made these tables: each parameter of their metadata with all its values."""
    values: dict[str, list[Any]] = {}
    for file in files:
        facts = {k: v for k, v in tables.metadata(file).items() if k not in _PROVENANCE}
        for key, value in {**facts, **(facts.pop("run", None) or {})}.items():
            many = values.setdefault(key, [])
            if key != "run" and value not in many:
                many.append(value)
    return {key: _listed(many) for key, many in sorted(values.items()) if many}


def _listed(values: list[Any]) -> str:
    if len(values) <= _MOST_VALUES:
        return ", ".join(map(_said, values))
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) == len(values):
        return f"{_said(min(numbers))} to {_said(max(numbers))}, {len(values)} values"
    return f"{', '.join(map(_said, values[:_MOST_VALUES]))} and {len(values) - _MOST_VALUES} more"


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {_said(inner)}" for key, inner in sorted(value.items()))
    if isinstance(value, list):
        return _listed(value) if value else "none"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def runtimes(folder: Path) -> pd.DataFrame:
    """Return seconds by stage from Snakemake's benchmark files: jobs, total, longest.

    Columns: stage, jobs, seconds, longest_seconds. Empty without such files. Their memory and
    processor time are those of the process that asked a warm process for the job: not used.
    """
    rows = []
    for file in sorted(folder.rglob("*.tsv")):
        measured = pd.read_csv(file, sep="\t", na_values="-")
        place = file.relative_to(folder)
        stage = " ".join(place.parts[:-1][:2]) or place.stem
        rows.append((stage, float(measured["s"].mean())))
    frame = pd.DataFrame(rows, columns=["stage", "seconds"])
    return frame.groupby("stage", as_index=False).agg(
        jobs=("seconds", "size"),
        seconds=("seconds", "sum"),
        longest_seconds=("seconds", "max"),
    )
