"""The rules that a figure must keep before it goes into a paper, each broken by name.

Their names: page-width, page-height, font-type, font-family, font-size, glyphs, clipped-text,
overlapping-text, legend, colors.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
from colorspacious import cspace_convert
from matplotlib.colors import to_rgb
from matplotlib.path import Path as Outline

from gradient_atlas.drawing.layout import Layout, PlacedText
from gradient_atlas.drawing.style import FONT_FAMILY, Style
from gradient_atlas.errors import InputError

WIDTH_TOLERANCE = 0.1  # points
# A text's box has room for the descenders and accents that the text may not have: boxes may share
# this many points of it before ink can touch ink.
OVERLAP_TOLERANCE = 1.0
CLIP_TOLERANCE = 0.5
# In CAM02-UCS one unit is about one just noticeable difference of large patches side by side; thin
# lines apart from each other need several. Petroff (2021, arXiv:2107.02270) keeps 5 in lightness
# and about 20 in colour among six lines; ten is what two lines of different panels still show.
CLOSEST_COLORS = 10.0
# Whether a legend fits depends on the data that a config gives: said, but no build is stopped.
ADVICE = ("legend",)
_EXAMPLES = 3  # of each broken rule in the one line that a user reads
_BLINDNESS = ("deuteranomaly", "protanomaly", "tritanomaly")


@dataclass(frozen=True)
class Violation:
    """A rule that a figure breaks, and where."""

    rule: str
    detail: str

    def __str__(self) -> str:
        """Return ``rule: where and what``."""
        return f"{self.rule}: {self.detail}"


def summary(violations: Sequence[Violation]) -> str:
    """Return the violations in one line, by rule, with a few examples of each."""
    rules: dict[str, list[str]] = {}
    for violation in violations:
        details = rules.setdefault(violation.rule, [])
        if violation.detail not in details:
            details.append(violation.detail)
    parts = []
    for rule, details in rules.items():
        more = len(details) - _EXAMPLES
        told = "; ".join(details[:_EXAMPLES]) + (f"; and {more} more" if more > 0 else "")
        parts.append(f"{rule}: {told}")
    return " | ".join(parts)


def check_figure(pdf: Path, layout: Layout, style: Style) -> list[Violation]:
    """Return every rule that the figure breaks; none for a good one.

    Args:
        pdf: the page as it goes into the paper.
        layout: what ``figure_layout.layout_of`` measured when it was drawn.
        style: the venue; a ``FigureStyle`` keeps room for the caption.

    Raises:
        InputError: the PDF cannot be read or has not one page.
    """
    return [
        *_page(pdf, style),
        *_texts(layout, style.smallest_font),
        *(Violation("legend", f"{covered} lies on data") for covered in layout.covered),
        *_colors(layout),
    ]


def _page(pdf: Path, style: Style) -> Iterator[Violation]:
    try:
        with pikepdf.open(pdf) as document:
            if len(document.pages) != 1:
                raise InputError(f"{pdf.name}: {len(document.pages)} pages; a figure has one")
            page = document.pages[0]
            left, bottom, right, top = (float(edge) for edge in page.mediabox)
            fonts = sorted(_fonts(page.obj))
    except pikepdf.PdfError as error:
        raise InputError(f"{pdf.name}: not a PDF: {error}") from None
    column = style.width_in_inches * 72
    most = style.height_for_drawing()
    if most is not None and top - bottom > 72 * most + WIDTH_TOLERANCE:
        yield Violation(
            "page-height",
            f"{top - bottom:.0f} pt, a page of {style.venue} leaves {72 * most:.0f} pt beside the "
            "caption",
        )
    if abs(right - left - column) > WIDTH_TOLERANCE:
        yield Violation("page-width", f"{right - left:.2f} pt, the column has {column:.2f} pt")
    for name, kind in fonts:
        if kind == "/Type3":
            yield Violation("font-type", f"{name or 'a font'} is of Type 3, which venues refuse")
        elif not name.partition("+")[2].startswith(FONT_FAMILY):
            yield Violation("font-family", f"{name} is embedded; only {FONT_FAMILY} is expected")


def _fonts(holder: Any) -> set[tuple[str, str]]:
    """Return name and kind of each font of a page or form, and of the forms inside it."""
    resources = holder.get("/Resources", {})
    found = {
        (str(font.get("/BaseFont", font.get("/Name", ""))).lstrip("/"), str(font["/Subtype"]))
        for font in resources.get("/Font", {}).values()
    }
    for form in resources.get("/XObject", {}).values():
        found |= _fonts(form)
    return found


def _texts(layout: Layout, smallest: float) -> Iterator[Violation]:
    yield from (Violation("glyphs", message) for message in layout.missing_glyphs)
    for text in layout.texts:
        if text.size < smallest - 0.01:
            yield Violation(
                "font-size",
                f"“{text.text}” has {text.size:g} pt, the venue's least is {smallest:g}",
            )
        corners = np.array(text.corners)
        left, bottom, right, top = text.window
        outside = max(
            left - corners[:, 0].min(),
            bottom - corners[:, 1].min(),
            corners[:, 0].max() - right,
            corners[:, 1].max() - top,
        )
        if outside > CLIP_TOLERANCE:
            yield Violation("clipped-text", f"“{text.text}” is cut off by {outside:.1f} pt")
    for one, other in itertools.combinations(layout.texts, 2):
        if _overlap(one, other):
            yield Violation("overlapping-text", f"“{one.text}” and “{other.text}”")


def _overlap(one: PlacedText, other: PlacedText) -> bool:
    return bool(_shrunk(one).intersects_path(_shrunk(other), filled=True))


def _shrunk(text: PlacedText) -> Outline:
    """Return the text's box without the edge that may lie under another's."""
    corners = np.array(text.corners)
    centre = corners.mean(axis=0)
    along, up = corners[1] - corners[0], corners[3] - corners[0]
    half = []
    for side in (along, up):
        length = float(np.hypot(*side)) or 1.0
        half.append(side / length * max(length - OVERLAP_TOLERANCE, 0.01) / 2)
    signs = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
    return Outline([centre + a * half[0] + b * half[1] for a, b in signs], closed=True)


def _colors(layout: Layout) -> Iterator[Violation]:
    for one, other in itertools.combinations(layout.series, 2):
        if one.group != other.group or one.label == other.label or one.shape != other.shape:
            continue
        seen, distance = closest(one.color, other.color)
        if distance < CLOSEST_COLORS:
            yield Violation(
                "colors",
                f"{one.group}: “{one.label}” and “{other.label}” look alike {seen} "
                f"(difference {distance:.0f} of {CLOSEST_COLORS:.0f} needed); "
                "give them different line styles or markers",
            )


def closest(one: str, other: str) -> tuple[str, float]:
    """Return how two colours are hardest to tell apart, and their distance in CAM02-UCS then."""
    pair = np.array([to_rgb(one), to_rgb(other)])
    distances = {}
    for kind in _BLINDNESS:
        space = {"name": "sRGB1+CVD", "cvd_type": kind, "severity": 100}
        seen = np.clip(cspace_convert(pair, space, "sRGB1"), 0, 1)
        distances[f"with {kind}"] = _distance(cspace_convert(seen, "sRGB1", "CAM02-UCS"))
    full = cspace_convert(pair, "sRGB1", "CAM02-UCS")
    distances["to anybody"] = _distance(full)
    distances["in grey"] = _distance(full[:, :1])  # J', the lightness
    return min(distances.items(), key=lambda item: item[1])


def _distance(pair: np.ndarray) -> float:
    return float(np.linalg.norm(pair[0] - pair[1]))
