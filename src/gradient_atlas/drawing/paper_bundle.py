"""Figures for somebody's paper in one zip: it compiles after unpacking, at Overleaf or anywhere."""

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradient_atlas.drawing.style import Style
from gradient_atlas.drawing.venues import POINTS_PER_INCH, caption_font, column_width

# A zip says when each file was made; the earliest that it can say is the same for everybody.
NO_TIME = (1980, 1, 1, 0, 0, 0)
TEXT = 10  # points of the example's text; LaTeX's \small is then 9
_TAKEN = (".pdf", ".tex", ".csv", ".pgf")
_README = """Figures of Gradient Atlas, drawn for {venue} ({column} column, {width:.2f} in wide).

main.tex        an example: pdflatex main, twice, or upload the zip to Overleaf. Its page has the
                venue's widths; your paper uses the venue's own class.
figures/*.pdf   the drawings, at the column's exact width: included without scaling
figures/*.tex   per figure the environment with its caption, and each of its numbers as a macro;
                \\input once in the preamble (for the numbers alone) or in the text (the figure)
figures/*.csv   every point that is drawn
provenance.json what made the tables behind each figure, and the sha256 of every file here
LICENSE         of the figures and of the code that drew them
"""


def write_paper_bundle(
    target: Path,
    pdfs: Sequence[Path],
    style: Style,
    origins: Mapping[str, Any],
    licence: str,
) -> None:
    """Write the zip: the same bytes from the same figures.

    Args:
        target: the ``.zip``.
        pdfs: the figures' drawings, each beside its other files.
        style: what they were drawn for.
        origins: by figure what made its tables, as JSON values.
        licence: the text of the licence.
    """
    names = [pdf.stem for pdf in pdfs]
    facts = {"venue": style.venue, "column": style.column, "width": style.width_in_inches}
    files = {"main.tex": example(names, style).encode(), "LICENSE": licence.encode()}
    files["README.txt"] = _README.format(**facts).encode()
    for pdf in pdfs:
        for ending in _TAKEN:
            if (file := pdf.with_suffix(ending)).exists():
                files[f"figures/{file.name}"] = file.read_bytes()
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    made = {"style": facts, "figures": origins, "sha256": digests}
    files["provenance.json"] = (json.dumps(made, indent=1, sort_keys=True) + "\n").encode()
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, NO_TIME), files[name], zipfile.ZIP_DEFLATED)


def example(names: Sequence[str], style: Style) -> str:
    """Return a paper of the venue's page that shows each figure once and refers to it."""
    wide = style.width_in_inches
    two = style.venue != "custom" and (style.spans_columns or _is_half_of_two(style))
    text = wide if style.venue == "custom" else column_width(style.venue, "full")
    height = style.height_in_inches or 9.0
    page = f"textwidth={text * POINTS_PER_INCH:.3f}pt,textheight={height * POINTS_PER_INCH:.3f}pt"
    if two:
        gap = text - 2 * column_width(style.venue, "half")
        page += f",columnsep={gap * POINTS_PER_INCH:.3f}pt"
    lines = [
        r"% The page of " + style.venue + "; take its own class for a paper that you send there.",
        rf"\documentclass[{TEXT}pt" + (",twocolumn" if two else "") + "]{article}",
        rf"\usepackage[{page}]{{geometry}}",
        r"\usepackage{amsmath,amssymb}",
        r"\usepackage{graphicx}",
        r"\graphicspath{{figures/}}",
        *([r"\usepackage[font=small]{caption}"] if caption_font(style.venue) < TEXT else []),
        r"% Numbers in narrow columns break badly: let lines be loose rather than too long.",
        r"\setlength{\emergencystretch}{3em}",
        r"\hbadness=10000",
        r"\begin{document}",
        r"\section{Figures}",
    ]
    for name in names:
        lines += [rf"Figure~\ref{{fig:{name}}} is \verb|{name}|.", ""]
    lines += [rf"\input{{figures/{name}.tex}}" for name in names]
    return "\n".join([*lines, r"\end{document}", ""])


def _is_half_of_two(style: Style) -> bool:
    return Style(style.venue, "full").spans_columns
