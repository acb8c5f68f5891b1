"""The graphics state of a PDF's page: where, how large and in what colour the next thing is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pikepdf

_COMPONENTS = {"/DeviceGray": 1, "/CalGray": 1, "/DeviceRGB": 3, "/CalRGB": 3, "/DeviceCMYK": 4}
_MEAN_ADVANCE = 0.5  # of a glyph, in ems, where the font does not say it


@dataclass(frozen=True)
class State:
    """ISO 32000-1, 8.4.1, as far as a figure's check needs it; matrices act on row vectors."""

    matrix: np.ndarray = field(default_factory=lambda: np.eye(3))
    width: float = 1.0
    dashes: tuple[float, ...] = ()
    stroke: tuple[float, float, float] | None = (0.0, 0.0, 0.0)
    fill: tuple[float, float, float] | None = (0.0, 0.0, 0.0)
    stroke_space: Any = None
    fill_space: Any = None
    stroke_alpha: float = 1.0
    fill_alpha: float = 1.0
    font: str = ""
    size: float = 0.0
    leading: float = 0.0
    stretch: float = 1.0
    invisible: bool = False

    @property
    def scale(self) -> float:
        """By how much a length grows from the state's coordinates to the page."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:2, :2]))))

    def at(self, x: float, y: float) -> complex:
        """Return a point's place on the page."""
        right, up, _ = np.array([x, y, 1.0]) @ self.matrix
        return complex(right, up)

    def seen(self, stroked: bool) -> tuple[float, float, float] | None:
        """Return the colour of lines or of areas as it looks on white paper, if it is one."""
        color, alpha = self.stroke, self.stroke_alpha
        if not stroked:
            color, alpha = self.fill, self.fill_alpha
        if color is None:
            return None
        red, green, blue = (1 - alpha * (1 - part) for part in color)
        return red, green, blue


def matrix(operands: Any) -> np.ndarray:
    """Return the six numbers of a PDF's matrix as an array of shape (3, 3)."""
    a, b, c, d, e, f = (float(value) for value in operands)
    return np.array([[a, b, 0], [c, d, 0], [e, f, 1]])


def color_of(operands: Sequence[Any], space: Any = None) -> tuple[float, float, float] | None:
    """Return red, green and blue from 0 to 1; None for a pattern or a spot colour."""
    if any(isinstance(value, pikepdf.Name) for value in operands):
        return None
    parts = [float(value) for value in operands]
    if space is not None and _components(space) != len(parts):
        return None
    if len(parts) == 1:
        return parts[0], parts[0], parts[0]
    if len(parts) == 3:
        return parts[0], parts[1], parts[2]
    if len(parts) == 4:
        # 10.3.4: the device's own conversion, without a profile.
        red, green, blue = (1 - min(1.0, part + parts[3]) for part in parts[:3])
        return red, green, blue
    return None


def _components(space: Any) -> int:
    if isinstance(space, pikepdf.Array):
        if space[0] == "/ICCBased":
            return int(space[1]["/N"])
        space = space[0]
    return _COMPONENTS.get(str(space), 0)


def advance_of(pieces: Sequence[Any], font: Any) -> float:
    """Return how far strings and kerns move, in ems; estimated where a font names no widths."""
    moved = 0.0
    for piece in pieces:
        if not isinstance(piece, pikepdf.String):
            moved -= float(piece) / 1000
        elif font is not None and "/Widths" in font:
            first, widths = int(font.get("/FirstChar", 0)), font["/Widths"]
            em = 1 / 1000
            if font.get("/Subtype") == "/Type3":
                em = abs(float(font["/FontMatrix"][0]))
            codes = [code - first for code in bytes(piece)]
            moved += em * sum(float(widths[c]) for c in codes if 0 <= c < len(widths))
        else:
            two_bytes = font is not None and font.get("/Subtype") == "/Type0"
            moved += _MEAN_ADVANCE * len(bytes(piece)) / (2 if two_bytes else 1)
    return moved
