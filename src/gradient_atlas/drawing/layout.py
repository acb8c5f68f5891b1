"""What stands where on a drawn figure: every text with its box, every series with its look.

It is measured on the drawing itself, since a PDF no longer says what is a title and what a legend.
"""

import dataclasses
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.transforms import Bbox, BboxBase

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class PlacedText:
    """A text that is drawn.

    Attributes:
        text: what it says, maths between dollars.
        size: of its font, in points.
        corners: the four corners of its box, turned with it, in points from the lower left.
        window: the box that it is cut off at (the page or its axes) as left, bottom, right, top.
    """

    text: str
    size: float
    corners: Sequence[tuple[float, float]]
    window: Box


@dataclass(frozen=True)
class Series:
    """What a legend or a label tells apart.

    Attributes:
        group: the axes or legend in which it stands beside others.
        label: its name there.
        color: as ``#rrggbb``.
        shape: everything else that tells it apart: dashes, marker, width, hatching.
    """

    group: str
    label: str
    color: str
    shape: str


@dataclass(frozen=True)
class Layout:
    """A figure's texts and series; ``covered`` are legends that lie on data; widths in points."""

    width: float
    height: float
    texts: Sequence[PlacedText]
    series: Sequence[Series]
    covered: Sequence[str]
    missing_glyphs: Sequence[str]

    def to_json(self) -> str:
        """Return the layout as text that ``from_json`` reads."""
        return json.dumps(dataclasses.asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Layout":
        """Return the layout that ``to_json`` wrote."""
        facts = json.loads(text)
        facts["texts"] = [PlacedText(**placed) for placed in facts["texts"]]
        facts["series"] = [Series(**series) for series in facts["series"]]
        return cls(**facts)


class _Recorder(RendererAgg):
    """Draws as for a PNG and remembers each text: a tick's label off the axis never comes here."""

    def __init__(self, figure: Figure) -> None:
        width, height = figure.get_size_inches() * figure.dpi
        super().__init__(width, height, figure.dpi)
        self.drawn: dict[int, Text] = {}

    def draw_text(
        self,
        gc: Any,
        x: Any,
        y: Any,
        s: str,
        prop: Any,
        angle: Any,
        ismath: Any = False,
        mtext: Text | None = None,
    ) -> None:
        """Remember the text instead of drawing it."""
        if mtext is not None and s.strip():
            self.drawn[id(mtext)] = mtext


def layout_of(figure: Figure) -> Layout:
    """Draw the figure once and measure it."""
    recorder = _Recorder(figure)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        figure.draw(recorder)
    to_points = 72 / figure.dpi
    legends = [legend for legend in figure.findobj(Legend) if legend.get_visible()]
    return Layout(
        width=round(figure.get_figwidth() * 72, 4),
        height=round(figure.get_figheight() * 72, 4),
        texts=[_placed(text, recorder, figure, to_points) for text in recorder.drawn.values()],
        series=_series(figure, legends),
        covered=[_title(legend) for legend in legends if _covers_data(legend, figure, recorder)],
        missing_glyphs=sorted(
            {str(warning.message) for warning in caught if "missing from" in str(warning.message)}
        ),
    )


def _placed(text: Text, renderer: _Recorder, figure: Figure, to_points: float) -> PlacedText:
    window: Any = figure.bbox
    clip = text.get_clip_box()
    if text.get_clip_on() and clip is not None:
        window = Bbox.intersection(window, clip) or Bbox.null()
    around = text.get_window_extent(renderer)
    angle = text.get_rotation() % 180
    width, height = around.width, around.height
    if angle % 90:
        # A turned text's window is the box around it: measure it lying, then turn that box.
        turned = text.get_rotation()
        text.set_rotation(0)
        lying = text.get_window_extent(renderer)
        text.set_rotation(turned)
        width, height = lying.width, lying.height
    else:
        angle = 0
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, height / 2]
    centre = [(around.x0 + around.x1) / 2, (around.y0 + around.y1) / 2]
    corners = (half @ np.array([[cosine, sine], [-sine, cosine]]) + centre) * to_points
    return PlacedText(
        text=text.get_text(),
        size=round(float(text.get_fontsize()), 2),
        corners=[(round(float(x), 2), round(float(y), 2)) for x, y in corners],
        window=_rounded(window, to_points),
    )


def _rounded(box: BboxBase, to_points: float) -> Box:
    left, bottom, right, top = (round(float(edge) * to_points, 2) for edge in box.extents)
    return left, bottom, right, top


def _series(figure: Figure, legends: list[Legend]) -> list[Series]:
    groups: list[tuple[str, list[tuple[str, Artist | None]]]] = []
    for number, axes in enumerate(figure.axes):
        drawn = [*axes.lines, *axes.collections]
        named: list[tuple[str, Artist | None]] = [
            (str(artist.get_label()), artist) for artist in drawn if artist.get_visible()
        ]
        name = f"panel {number} {_axes_title(axes)}".strip()
        groups.append((name, [pair for pair in named if not pair[0].startswith("_") and pair[0]]))
    for legend in legends:
        labels = [text.get_text() for text in legend.get_texts()]
        groups.append((_title(legend), list(zip(labels, legend.legend_handles, strict=True))))
    found = []
    for group, members in groups:
        for label, artist in members:
            look = _look(artist)
            if look is not None:
                found.append(Series(group, label, *look))
    return found


def _look(artist: Artist | None) -> tuple[str, str] | None:
    """Return colour and everything else of a series; None for what has no one colour."""
    if isinstance(artist, Line2D):
        marker = str(artist.get_marker())
        bare = marker in ("None", "none", "", " ")
        unbroken_or_dashed = getattr(artist, "_unscaled_dash_pattern", artist.get_linestyle())
        line = artist.get_linestyle() not in ("None", "none", "", " ")
        color = artist.get_color() if line or bare else artist.get_markerfacecolor()
        dashes = unbroken_or_dashed if line else "no line"
        # Whether a line is thin or thick is seen from half as much again.
        width = round(float(np.log(artist.get_linewidth() or 1) / np.log(1.5))) if line else 0
        fill = "" if bare else to_hex(artist.get_markerfacecolor(), keep_alpha=False)
        hollow = fill == "#ffffff"
        return to_hex(color), f"{dashes} {'' if bare else marker} {width} {hollow}"
    if isinstance(artist, PathCollection):
        colors = np.atleast_2d(artist.get_facecolor())
        if len(colors) != 1 or artist.get_array() is not None:
            return None
        paths = artist.get_paths()
        return to_hex(
            colors[0]
        ), f"points {np.asarray(paths[0].vertices).round(3).tolist() if paths else ''}"
    if isinstance(artist, Patch):
        return to_hex(artist.get_facecolor()), f"area {artist.get_hatch() or ''}"
    return None


def _covers_data(legend: Legend, figure: Figure, renderer: _Recorder) -> bool:
    box = legend.get_window_extent(renderer)
    for axes in figure.axes:
        seen = Bbox.intersection(box, axes.get_window_extent(renderer))
        if seen is None or not axes.get_visible():
            continue
        for line in axes.lines:
            if line.get_visible() and line.get_linestyle() not in ("None", "none", "", " "):
                path = line.get_transform().transform_path(line.get_path())
                if path.intersects_bbox(seen, filled=False):
                    return True
            elif line.get_visible() and _any_inside(seen, line.get_transform(), line.get_xydata()):
                return True
        for points in axes.collections:
            if isinstance(points, PathCollection) and _any_inside(
                seen, points.get_offset_transform(), points.get_offsets()
            ):
                return True
    return False


def _any_inside(box: Bbox, transform: Any, points: Any) -> bool:
    places = np.asarray(points, dtype=float).reshape(-1, 2)
    return len(places) > 0 and box.count_contains(transform.transform(places)) > 0


def _axes_title(axes: Axes) -> str:
    return axes.get_title(loc="left") or axes.get_title()


def _title(legend: Legend) -> str:
    names = ", ".join(text.get_text() for text in legend.get_texts())
    return f"legend ({legend.get_title().get_text() or names})"
