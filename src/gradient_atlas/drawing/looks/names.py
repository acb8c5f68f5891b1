"""Names beside the lines of a panel, where there is room for them."""

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import Bbox

_ALONG = (0.02, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9)  # places along a line, from its left end
_AWAY = (3, 5, 8, 12)  # points above or below it
GAP = 2.0  # pixels of paper between a name and any line


def name_lines(axes: Axes, lines: list[tuple[Line2D, str]]) -> list[str]:
    """Write each name in its line's colour on no line and no text, and nearest to its own line.

    The panel's size must be known: draw once before. A line that finds no room bears no name (a
    legend names it all the same).

    Returns:
        The names for which there was none.
    """
    drawn = [line for line in axes.lines if len(np.asarray(line.get_xdata())) > 1]
    paths = {line: line.get_transform().transform_path(line.get_path()) for line in drawn}
    measured = {line for line in drawn if line.get_marker() != "None"}  # theory lies on these
    renderer = axes.figure.canvas.get_renderer()  # type: ignore[attr-defined]
    taken = [text.get_window_extent(renderer) for text in axes.texts if text.get_text()]
    homeless = []
    for line, name in lines:
        text = axes.annotate(
            name, (0, 0), (0, 0), textcoords="offset points", color=line.get_color(),
            fontsize=mpl.rcParams["legend.fontsize"], annotation_clip=False,
        )  # fmt: skip
        text.set_in_layout(False)
        for box in _places(axes, line, text):
            free = not any(box.overlaps(other) for other in taken)
            if free and not any(_near(path, box) <= GAP for path in paths.values()):
                others = [_near(paths[one], box) for one in measured - {line}]
                if min(others, default=np.inf) <= 1.5 * _near(paths[line], box):
                    continue
                taken.append(box)
                break
        else:
            text.remove()
            homeless.append(name)
    return homeless


def _places(axes: Axes, line: Line2D, text: Text) -> Iterator[Bbox]:
    """Move the text to one place after the other; its boxes inside the panel, the nearest first."""
    renderer = axes.figure.canvas.get_renderer()  # type: ignore[attr-defined]
    x, y = (np.asarray(values, dtype=float) for values in line.get_data())
    inside = axes.get_window_extent(renderer)
    for away in _AWAY:
        for along in _ALONG:
            place = round(along * (len(x) - 1))
            if not np.isfinite(y[place]):
                continue
            for side, vertical in ((1, "bottom"), (-1, "top")):
                for horizontal in ("left", "right"):
                    text.xy = (x[place], y[place])  # type: ignore[attr-defined]
                    text.set(position=(0, side * away), va=vertical, ha=horizontal)
                    box = text.get_window_extent(renderer)
                    if inside.contains(*box.min) and inside.contains(*box.max):
                        yield box


def _near(path: Path, box: Bbox) -> float:
    """The distance of a line from a box in pixels, 0 where it passes through."""
    if path.intersects_bbox(box, filled=False):
        return 0.0
    points = np.asarray(path.interpolated(4).vertices)
    x, y = points[np.isfinite(points).all(axis=1)].T
    across = np.maximum(0, np.maximum(box.x0 - x, x - box.x1))
    up = np.maximum(0, np.maximum(box.y0 - y, y - box.y1))
    return float(np.hypot(across, up).min())
