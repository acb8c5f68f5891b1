"""The rules of a venue, held against a PDF that anybody's program has made: one finding a rule.

Unlike ``check``, which also knows what the drawing's texts and legends are, it has the page alone.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
from matplotlib.colors import to_hex

from gradient_atlas.drawing.check import CLOSEST_COLORS, WIDTH_TOLERANCE, closest
from gradient_atlas.drawing.page_content import Color, Content, Mark, Piece, content_of
from gradient_atlas.drawing.style import Style
from gradient_atlas.drawing.venues import text_height
from gradient_atlas.errors import InputError

LEAST_RESOLUTION = 300.0  # dots per inch: what printers ask of photographs (halftones)
# A line shorter than this (points) is a tick or a part of a marker; an area of no more is a marker.
_LEAST_LINE, _LARGEST_MARKER = 20.0, 12.0
# More colours than this are a scale, in which neighbours are meant to be alike.
_MOST_SERIES = 12
# A script of a script is half as large as the text (in TeX; 0.49 times in matplotlib).
_SCRIPT = 0.49
_EXAMPLES = 3


@dataclass(frozen=True)
class Finding:
    """A rule, whether the page keeps it (None: it cannot be said), and what was seen."""

    rule: str
    holds: bool | None
    detail: str

    def __str__(self) -> str:
        """Return one line."""
        word = {True: "ok", False: "FAIL", None: "?"}[self.holds]
        return f"{word:4}  {self.rule:12}  {self.detail}"


def check_page(pdf: Path, style: Style) -> list[Finding]:
    """Return a finding for each rule.

    Args:
        pdf: one page, as it goes into the paper without scaling.
        style: the venue and its column.

    Raises:
        InputError: the PDF cannot be read, needs a password, or has not one page.
    """
    try:
        with pikepdf.open(pdf) as document:
            if len(document.pages) != 1:
                raise InputError(f"{pdf.name}: {len(document.pages)} pages; a figure has one")
            page = document.pages[0]
            content = content_of(page)
            return [
                *_size(page, style),
                *_fonts(page),
                _texts(content, style.smallest_font),
                _images(content),
                _colors(content),
            ]
    except FileNotFoundError:
        raise InputError(f"{pdf}: no such file") from None
    except (pikepdf.PdfError, pikepdf.PasswordError) as error:
        raise InputError(f"{pdf.name}: not a PDF that can be read: {error}") from None


def _size(page: pikepdf.Page, style: Style) -> Iterator[Finding]:
    left, bottom, right, top = (float(edge) for edge in page.cropbox)
    unit = float(page.obj.get("/UserUnit", 1))
    width, height = (right - left) * unit, (top - bottom) * unit
    if int(page.obj.get("/Rotate", 0)) % 180:
        width, height = height, width
    column = style.width_in_inches * 72
    yield Finding(
        "page-width",
        abs(width - column) <= WIDTH_TOLERANCE,
        f"{width:.2f} pt; {_column(style)} has {column:.2f} pt",
    )
    most = text_height(style.venue)
    if most is None:
        yield Finding("page-height", None, f"{height:.0f} pt; the page of {style.venue} is unknown")
    else:
        said = f"{height:.0f} pt; a page of {style.venue} has {72 * most:.0f} pt, caption included"
        yield Finding("page-height", height <= 72 * most, said)


def _column(style: Style) -> str:
    return f"a {style.column} column of {style.venue}"


def _fonts(page: pikepdf.Page) -> Iterator[Finding]:
    fonts = {str(font.get("/BaseFont", name)).lstrip("/"): font for name, font in _used(page.obj)}
    third = [name for name, font in fonts.items() if font.get("/Subtype") == "/Type3"]
    foreign = [name for name, font in fonts.items() if not _embedded(font)]
    yield Finding(
        "font-type",
        not third,
        f"{_some(third)} of Type 3, which venues refuse" if third else "no font of Type 3",
    )
    yield Finding(
        "embedding",
        not foreign,
        f"{_some(foreign)} not embedded" if foreign else f"{len(fonts)} fonts, all embedded",
    )


def _used(holder: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Each font of a page or form, and of the forms inside it, with its name there."""
    resources = holder.get("/Resources", {})
    yield from resources.get("/Font", {}).items()
    for painted in resources.get("/XObject", {}).values():
        if depth < 20:
            yield from _used(painted, depth + 1)


def _embedded(font: Any) -> bool:
    if font.get("/Subtype") == "/Type3":
        return True  # its glyphs are drawn in the file itself
    bearer = font["/DescendantFonts"][0] if "/DescendantFonts" in font else font
    described = bearer.get("/FontDescriptor", {})
    return any(key in described for key in ("/FontFile", "/FontFile2", "/FontFile3"))


def _texts(content: Content, least: float) -> Finding:
    if not content.texts:
        return Finding("font-size", None, "no text; letters drawn as paths or pixels are not seen")
    full = [piece for piece in content.texts if piece.size >= least - 0.01]
    small = [piece for piece in content.texts if piece.size < least - 0.01]
    # A script of a script follows one that was found before it.
    while scripts := [
        piece
        for piece in small
        if piece.size >= _SCRIPT * least and any(_follows(piece, base) for base in full)
    ]:
        full += scripts
        small = [piece for piece in small if piece not in scripts]
    said = f"the venue's least is {least:g} pt ({_SCRIPT * least:.1f} pt in sub- and superscripts)"
    if small:
        sizes = ", ".join(f"{size:g}" for size in sorted({round(p.size, 1) for p in small}))
        return Finding("font-size", False, f"text of {sizes} pt; {said}")
    smallest = min(piece.size for piece in content.texts)
    return Finding("font-size", True, f"from {smallest:.1f} pt; {said}")


def _follows(script: Piece, base: Piece) -> bool:
    """Whether a smaller text stands where another's sub- or superscript does."""
    size = max(base.size, script.size)
    apart = script.start - base.end
    along = base.end - base.start
    turned = apart * (along.conjugate() / abs(along)) if along else apart
    return abs(turned.real) <= 1.2 * size and abs(turned.imag) <= size


def _images(content: Content) -> Finding:
    if not content.images:
        return Finding("resolution", True, "no image: all is drawn by lines")
    coarse = sorted(set(content.images), key=lambda image: image.dots_per_inch)
    below = [image for image in coarse if image.dots_per_inch < LEAST_RESOLUTION - 0.5]
    if not below:
        least = f"{len(content.images)} images, from {coarse[0].dots_per_inch:.0f} dpi"
        return Finding("resolution", True, least)
    said = [f"{i.width} × {i.height} pixels at {i.dots_per_inch:.0f} dpi" for i in below]
    return Finding("resolution", False, f"{_some(said)}; {LEAST_RESOLUTION:.0f} are needed")


def _colors(content: Content) -> Finding:
    """Compare the colours of lines, markers and areas that nothing else tells apart."""
    marks = [mark for mark in content.marks if mark.color is not None and mark.opaque]
    small = _by_color(m for m in marks if m.extent <= _LARGEST_MARKER and len(m.outline) > 2)
    shapes = {color: {mark.outline for mark in found} for color, found in small.items()}
    colored = [mark for mark in marks if not _grey(mark)]
    lines = _by_color(m for m in colored if m.kind == "line" and m.extent >= _LEAST_LINE)
    areas = _by_color(m for m in colored if m.kind == "area" and m.extent > _LARGEST_MARKER)
    markers = {c: found for c, found in small.items() if c not in lines and not _grey(found[0])}
    alike, scales = [], 0
    for kind in (lines, markers, areas):
        if len(kind) > _MOST_SERIES:
            scales += 1
            continue
        for one, other in itertools.combinations(sorted(kind), 2):
            if kind is lines and shapes.get(one) != shapes.get(other):
                continue
            if kind is markers and not shapes[one] & shapes[other]:
                continue
            if not _beside(kind[one], kind[other]):
                continue
            seen, distance = closest(to_hex(one), to_hex(other))
            if distance < CLOSEST_COLORS:
                alike.append(f"{to_hex(one)} and {to_hex(other)} look alike {seen}")
    if alike:
        return Finding("colors", False, f"{_some(alike)}; other dashes or markers would help")
    passed = f" ({scales} scale of colours, not compared)" if scales else ""
    return Finding("colors", True, f"what colour alone tells apart differs in grey, too{passed}")


def _beside(one: list[Mark], other: list[Mark]) -> bool:
    """Whether two colours stand in one panel, as far as a page tells it.

    Two lines do if their boxes meet; of markers and bars, the boxes around all of a colour do.
    """
    if one[0].kind == "line" and one[0].extent >= _LEAST_LINE:
        return any(a.look == b.look and a.meets(b) for a in one for b in other)
    return _around(one).meets(_around(other))


def _around(marks: list[Mark]) -> Mark:
    """The box around marks, with the space that may lie between two bars."""
    low = [np.array([m.corner.real, m.corner.imag]) for m in marks]
    high = [np.array([(m.corner + m.size).real, (m.corner + m.size).imag]) for m in marks]
    corner = np.min(low, axis=0) - _LARGEST_MARKER
    size = np.max(high, axis=0) + _LARGEST_MARKER - corner
    return replace(marks[0], corner=complex(*corner), size=complex(*size))


def _by_color(marks: Iterable[Mark]) -> dict[Color, list[Mark]]:
    found: dict[Color, list[Mark]] = defaultdict(list)
    for mark in marks:
        if mark.color is not None and min(mark.color) < 0.99:
            red, green, blue = (round(part, 2) for part in mark.color)
            found[red, green, blue].append(mark)
    return dict(found)


def _grey(mark: Mark) -> bool:
    """Whether it is black, grey or white, as axes, grids and shaded parts are."""
    return mark.color is not None and max(mark.color) - min(mark.color) < 0.02


def _some(details: list[str]) -> str:
    more = len(details) - _EXAMPLES
    return "; ".join(details[:_EXAMPLES]) + (f"; and {more} more" if more > 0 else "")
