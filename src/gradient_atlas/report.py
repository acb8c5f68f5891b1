"""One page with every figure, caption, verdict and parameter, that needs nothing but itself."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import latex2mathml.converter
import pandas as pd

from gradient_atlas.claims.page import allowed_text, counted, measured_text
from gradient_atlas.errors import InputError
from gradient_atlas.tables import files as tables

_MATHS = re.compile(r"(\$[^$]*\$)")
_MOST_VALUES = 8  # a parameter with more values is shown as its range
_LARGEST_SVG = 1_000_000  # bytes; beyond, the page takes the PNG
_PROVENANCE = ("versions", "code", "sha256")
# Nothing may be fetched: a browser that obeys this shows what is in the file, or nothing.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 Georgia, "Times New Roman", serif; color: #222; background: #fff;
       max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
figure { margin: 1rem 0; }
figure img { width: 100%; max-width: 52rem; height: auto; }
figcaption { margin-top: .5rem; }
table { border-collapse: collapse; font-size: .85rem; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .5rem;
         border-bottom: 1px solid #ddd; overflow-wrap: break-word; }
summary { cursor: pointer; margin: .5rem 0; }
nav li { margin: .1rem 0; }
.supported { color: #17692a; } .refuted { color: #a3262f; }
.not-measured, .undecided, .identity { color: #666; }
"""


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


def with_maths(text: str) -> str:
    """Return HTML of a text with LaTeX maths between dollars, the maths as MathML.

    Raises:
        InputError: a formula that latex2mathml cannot read.
    """
    pieces = _MATHS.split(text)
    for position, piece in enumerate(pieces):
        if position % 2 == 0:
            pieces[position] = escape(piece)
            continue
        try:
            pieces[position] = latex2mathml.converter.convert(piece[1:-1])
        except Exception as error:  # the library raises many kinds, all of them about the formula
            raise InputError(f"caption: {piece} cannot be read as maths: {error!r}") from None
    return "".join(pieces)


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
    """Return seconds by stage from Snakemake's benchmark files: jobs, total, longest, memory.

    Columns: stage, jobs, seconds, longest_seconds, largest_memory (MB). Empty without such files.
    """
    rows = []
    for file in sorted(folder.rglob("*.tsv")):
        measured = pd.read_csv(file, sep="\t", na_values="-")
        place = file.relative_to(folder)
        stage = " ".join(place.parts[:-1][:2]) or place.stem
        rows.append((stage, float(measured["s"].mean()), float(measured["max_rss"].mean())))
    frame = pd.DataFrame(rows, columns=["stage", "seconds", "memory"])
    return frame.groupby("stage", as_index=False).agg(
        jobs=("seconds", "size"),
        seconds=("seconds", "sum"),
        longest_seconds=("seconds", "max"),
        largest_memory=("memory", "max"),
    )


def page(entries: Sequence[Entry], claims: pd.DataFrame, times: pd.DataFrame) -> str:
    """Return the whole page as HTML.

    Args:
        entries: the figures, shown by category in this order.
        claims: the table ``claims``.
        times: as ``runtimes`` returns it.
    """
    categories = list(dict.fromkeys(entry.category for entry in entries))
    parts = [
        f"<h1>Gradient Atlas</h1><p>{len(entries)} figures; claims: {counted(claims)}.</p>",
        "<nav><ul>",
        *(f'<li><a href="#{e.name}">{_title(e.name)}</a> ({e.category})</li>' for e in entries),
        '<li><a href="#runtimes">Runtimes</a></li></ul></nav>',
    ]
    for category in categories:
        parts.append(f"<h2>{escape(category.capitalize())}</h2>")
        parts += [_section(entry, claims) for entry in entries if entry.category == category]
    parts += ['<h2 id="runtimes">Runtimes</h2>', _times(times)]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # An empty icon, or a browser would ask the page's server for one.
        '<link rel="icon" href="data:,">\n'
        f"<title>Gradient Atlas</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _section(entry: Entry, claims: pd.DataFrame) -> str:
    own = claims[claims["figure"] == entry.name]
    heads = ("statement", "verdict", "measured", "allowed", "remark")
    judged = [
        [
            f"{with_maths(row['statement'])} <small>({escape(row['claim'])}; "
            f"{escape(row['source'])})</small>",
            f'<b class="{row["verdict"].replace(" ", "-")}">{row["verdict"]}</b>',
            escape(measured_text(row)),
            escape(allowed_text(row)),
            with_maths(row["remark"]),
        ]
        for _, row in own.iterrows()
    ]
    parameters = [[escape(key), escape(value)] for key, value in entry.parameters.items()]
    name = escape(entry.name)
    return (
        f'<section id="{name}"><h3>{_title(entry.name)}</h3>\n'
        f'<figure><img src="{entry.image}" alt="Figure {name}">\n'
        f"<figcaption>{with_maths(entry.caption)}</figcaption></figure>\n"
        f"<details open><summary>Claims ({len(own)})</summary>{_table(heads, judged)}</details>\n"
        f"<details><summary>Parameters</summary>{_table(('parameter', 'value'), parameters)}"
        "</details></section>"
    )


def _times(times: pd.DataFrame) -> str:
    if times.empty:
        return "<p>No job has been timed in this folder.</p>"
    heads = ("stage", "jobs", "seconds", "longest job in seconds", "most memory in MB")
    rows = [
        [escape(stage), str(jobs), *(f"{number:.0f}" for number in numbers)]
        for stage, jobs, *numbers in times.itertuples(index=False)
    ]
    return f"<p>{times['seconds'].sum():.0f} seconds of work in all.</p>{_table(heads, rows)}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{text}</th>" for text in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>" for cells in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _title(name: str) -> str:
    return escape(name.replace("_", " ").capitalize())
