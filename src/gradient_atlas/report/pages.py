"""The pages that templates make: the report, a figure's page of the site, and its start page.

Every template escapes what it is given. ``parts.html`` holds what the report and the site share.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from gradient_atlas.claims.page import allowed_text, counted, measured_text
from gradient_atlas.report.entries import Entry
from gradient_atlas.report.maths import with_maths

TEMPLATES = Path(__file__).with_name("templates")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"maths": with_maths, "breakable": breakable}
    return environment


def breakable(text: str) -> Markup:
    """Return the text as HTML that a browser may break after ``_`` and ``/``."""
    return Markup(re.sub(r"([_/])", r"\1<wbr>", str(escape(text))))


def page(entries: Sequence[Entry], claims: pd.DataFrame, times: pd.DataFrame) -> str:
    """Return the whole report as HTML.

    Args:
        entries: the figures, shown by category in this order.
        claims: the table ``claims``.
        times: as ``runtimes`` returns it.
    """
    return (
        _environment()
        .get_template("report.html")
        .render(
            entries=entries,
            categories=list(dict.fromkeys(entry.category for entry in entries)),
            counted=counted(claims),
            claims={entry.name: claims_of(entry, claims) for entry in entries},
            times=times.to_dict("records"),
        )
    )


def figure_page(
    entry: Entry, claims: pd.DataFrame, files: Mapping[str, str], tables: Sequence[str], config: str
) -> str:
    """Return the HTML of a figure's page of the site, without its heading.

    Args:
        entry: the figure; its image is an address as seen from the page.
        claims: the table ``claims``.
        files: addresses of what can be taken from here, by what it is.
        tables: the data sets that the figure is drawn from.
        config: the part of the config that they are made by, as YAML.
    """
    return (
        _environment()
        .get_template("figure.html")
        .render(
            entry=entry,
            claims=claims_of(entry, claims),
            files=files,
            tables=tables,
            config=config,
        )
    )


def start_page(entries: Sequence[Entry], claims: pd.DataFrame) -> str:
    """Return the HTML of all figures as pictures, each with how its claims were decided."""
    decided = {
        entry.name: claims[claims["figure"] == entry.name]["verdict"].value_counts().to_dict()
        for entry in entries
    }
    return (
        _environment()
        .get_template("start.html")
        .render(
            entries=entries,
            categories=list(dict.fromkeys(entry.category for entry in entries)),
            counted=counted(claims),
            decided=decided,
        )
    )


def claims_of(entry: Entry, claims: pd.DataFrame) -> list[dict[str, str]]:
    """Return the claims made of a figure as a page shows them, every value a text."""
    own = claims[claims["figure"] == entry.name]
    return [
        {
            **{key: row[key] for key in ("claim", "source", "statement", "verdict", "remark")},
            "measured": measured_text(row),
            "allowed": allowed_text(row),
        }
        for _, row in own.iterrows()
    ]
