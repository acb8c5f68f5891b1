"""What is painted on a page of any PDF: texts, images, lines and areas, in points of the page.

Reads the content stream as ISO 32000-1 defines it (8.4 graphics state, 8.5 paths, 8.9 images, 9.4
text), forms included. What a figure does not need (clipping, shadings, patterns) is passed over.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pikepdf

from gradient_atlas.drawing.page_state import State, advance_of, color_of, matrix

Color = tuple[float, float, float]


@dataclass(frozen=True)
class Piece:
    """A piece of text: its size in points, and where its baseline starts and ends."""

    size: float
    start: complex
    end: complex


@dataclass(frozen=True)
class Image:
    """An image's pixels across and down, and the least resolution at which it is shown."""

    width: int
    height: int
    dots_per_inch: float


@dataclass(frozen=True)
class Mark:
    """A painted path.

    Attributes:
        kind: ``line`` (stroked) or ``area`` (filled).
        color: as seen on white paper; None where a pattern paints it.
        opaque: whether nothing shines through.
        look: of a line its dashes and width; empty for an area.
        corner: the lower left of its box.
        size: of its box, as width + height i.
        outline: its points from the lower left corner of its box, to a tenth of a point.
    """

    kind: str
    color: Color | None
    opaque: bool
    look: str
    corner: complex
    size: complex
    outline: tuple[complex, ...]

    @property
    def extent(self) -> float:
        """The longer side of its box."""
        return max(self.size.real, self.size.imag)

    def meets(self, other: "Mark") -> bool:
        """Whether the two boxes have a point in common."""
        ends = self.corner + self.size, other.corner + other.size
        return (
            self.corner.real <= ends[1].real
            and other.corner.real <= ends[0].real
            and self.corner.imag <= ends[1].imag
            and other.corner.imag <= ends[0].imag
        )


@dataclass
class Content:
    """All that a page shows."""

    texts: list[Piece] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)


def content_of(page: pikepdf.Page) -> Content:
    """Return what is painted on a page."""
    content = Content()
    _Reader(content, page.obj.get("/Resources", {}), State()).read(page)
    return content


class _Reader:
    """Goes through one content stream; a form inside it gets a reader of its own."""

    def __init__(self, content: Content, resources: Any, state: State, depth: int = 0) -> None:
        self.content, self.resources, self.state, self.depth = content, resources, state, depth
        self.kept: list[State] = []
        self.points: list[complex] = []
        self.text = self.line = np.eye(3)

    def read(self, stream: Any) -> None:
        for instruction in pikepdf.parse_content_stream(stream):
            if isinstance(instruction, pikepdf.ContentStreamInlineImage):
                self._image(instruction.iimage.width, instruction.iimage.height)
                continue
            operands, operator = list(instruction.operands), str(instruction.operator)
            if operator in _PAINTED:
                self._paint(operator)
            elif operator in _SHOWN:
                self._show(operator, operands)
            elif operator == "Do":
                self._object(self.resources.get("/XObject", {}).get(str(operands[0])))
            elif operator == "q":
                self.kept.append(self.state)
            elif operator == "Q":
                self.state = self.kept.pop() if self.kept else self.state
            elif not (self._path(operator, operands) or self._place(operator, operands)):
                self._set(operator, operands)

    def _path(self, operator: str, operands: Sequence[Any]) -> bool:
        """Add to the path; whether the operator does so."""
        if operator not in ("m", "l", "c", "v", "y", "re", "h"):
            return False
        x = [float(value) for value in operands]
        if operator == "re":
            (left, bottom), (width, height) = x[:2], x[2:]
            x = [left, bottom, left + width, bottom, left + width, bottom + height]
            x += [left, bottom + height]
        self.points += [self.state.at(*pair) for pair in zip(x[::2], x[1::2], strict=True)]
        return True

    def _paint(self, operator: str) -> None:
        points, state = np.array(self.points), self.state
        self.points = []
        if operator == "n" or len(points) < 2:
            return
        corner = complex(points.real.min(), points.imag.min())
        size = complex(np.ptp(points.real), np.ptp(points.imag))
        outline = tuple(complex(point) for point in np.round(points - corner, 1))
        box = corner, size, outline
        if operator in "SsBB*bb*":
            # Whether a line is thin or thick is seen from half as much again.
            width = round(float(np.log(max(state.width * state.scale, 1e-3)) / np.log(1.5)))
            look = f"{[round(dash * state.scale, 1) for dash in state.dashes]} {width}"
            opaque = state.stroke_alpha == 1
            self.content.marks.append(Mark("line", state.seen(stroked=True), opaque, look, *box))
        if operator not in "Ss":
            opaque = state.fill_alpha == 1
            self.content.marks.append(Mark("area", state.seen(stroked=False), opaque, "", *box))

    def _place(self, operator: str, operands: Sequence[Any]) -> bool:
        """Move to where the next text stands; whether the operator does so."""
        if operator == "BT":
            self.text = self.line = np.eye(3)
        elif operator == "Tm":
            self.text = self.line = matrix(operands)
        elif operator in ("Td", "TD"):
            if operator == "TD":
                self.state = replace(self.state, leading=-float(operands[1]))
            self._next_line(float(operands[0]), float(operands[1]))
        elif operator == "T*":
            self._next_line(0, -self.state.leading)
        else:
            return False
        return True

    def _next_line(self, right: float, up: float) -> None:
        self.text = self.line = matrix([1, 0, 0, 1, right, up]) @ self.line

    def _show(self, operator: str, operands: Sequence[Any]) -> None:
        if operator in ("'", '"'):
            self._next_line(0, -self.state.leading)
        font = self.resources.get("/Font", {}).get(self.state.font)
        shown = operands[-1]
        pieces = list(shown) if isinstance(shown, pikepdf.Array) else [shown]
        ink = [bytes(piece) for piece in pieces if isinstance(piece, pikepdf.String)]
        placed = self.text @ self.state.matrix
        moved = advance_of(pieces, font) * self.state.size * self.state.stretch
        self.text = matrix([1, 0, 0, 1, moved, 0]) @ self.text
        if font is None or not b"".join(ink).strip() or self.state.invisible:
            return
        em = self.state.size
        if str(font.get("/Subtype")) == "/Type3":
            em *= 1000 * abs(float(font["/FontMatrix"][3]))
        self.content.texts.append(
            Piece(
                size=float(em * np.hypot(*placed[1, :2])),
                start=complex(*placed[2, :2]),
                end=complex(*(self.text @ self.state.matrix)[2, :2]),
            )
        )

    def _object(self, painted: Any) -> None:
        if painted is None:
            return
        if painted.get("/Subtype") == "/Image":
            self._image(int(painted["/Width"]), int(painted["/Height"]))
        elif painted.get("/Subtype") == "/Form" and self.depth < 20:
            inner = matrix(painted.get("/Matrix", [1, 0, 0, 1, 0, 0]))
            state = replace(self.state, matrix=inner @ self.state.matrix)
            resources = painted.get("/Resources", self.resources)
            _Reader(self.content, resources, state, self.depth + 1).read(painted)

    def _image(self, width: int, height: int) -> None:
        """An image fills the unit square of its coordinates."""
        sides = np.hypot(*self.state.matrix[:2, :2].T)
        shown = [72 * n / side for n, side in zip((width, height), sides, strict=True) if side]
        self.content.images.append(Image(width, height, float(min(shown, default=0))))

    def _set(self, operator: str, operands: Sequence[Any]) -> None:
        changed: dict[str, Any] = {}
        if operator == "cm":
            changed["matrix"] = matrix(operands) @ self.state.matrix
        elif operator == "w":
            changed["width"] = float(operands[0])
        elif operator == "d":
            changed["dashes"] = tuple(float(dash) for dash in operands[0])
        elif operator == "Tf":
            changed |= {"font": str(operands[0]), "size": float(operands[1])}
        elif operator in _NUMBERS:
            changed[_NUMBERS[operator]] = float(operands[0]) / (100 if operator == "Tz" else 1)
        elif operator == "Tr":
            changed["invisible"] = int(operands[0]) == 3
        elif operator in ("cs", "CS"):
            space = self.resources.get("/ColorSpace", {}).get(str(operands[0]), operands[0])
            key = "fill" if operator == "cs" else "stroke"
            changed |= {f"{key}_space": space, key: (0.0, 0.0, 0.0)}
        elif operator in _FILLS or operator in _STROKES:
            key = "fill" if operator in _FILLS else "stroke"
            named = operator.lower() in ("sc", "scn")
            space = getattr(self.state, f"{key}_space") if named else None
            changed[key] = color_of(operands, space)
        elif operator == "gs":
            settings = self.resources.get("/ExtGState", {}).get(str(operands[0]), {})
            for name, key in (("/CA", "stroke_alpha"), ("/ca", "fill_alpha"), ("/LW", "width")):
                if name in settings:
                    changed[key] = float(settings[name])
        if changed:
            self.state = replace(self.state, **changed)


_PAINTED = ("S", "s", "f", "F", "f*", "B", "B*", "b", "b*", "n")
_SHOWN = ("Tj", "TJ", "'", '"')
_FILLS = ("g", "rg", "k", "sc", "scn")
_STROKES = ("G", "RG", "K", "SC", "SCN")
_NUMBERS = {"TL": "leading", "Tz": "stretch"}
