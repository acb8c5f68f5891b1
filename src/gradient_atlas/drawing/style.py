"""How every figure looks: the venue's width and sizes, fonts, colours that differ in grey too."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gradient_atlas.drawing.page import LeftOut, Page, is_left_out
from gradient_atlas.drawing.panels import letter
from gradient_atlas.drawing.venues import (
    column_width,
    has_two_columns,
    inches,
    sizes_of,
    text_height,
)
from gradient_atlas.errors import InputError

# Paul Tol's "bright" scheme (https://personal.sron.nl/~pault/), in an order in which neighbours
# differ in lightness too.
COLORS = {
    "blue": "#4477AA",
    "red": "#EE6677",
    "green": "#228833",
    "yellow": "#CCBB44",
    "cyan": "#66CCEE",
    "purple": "#AA3377",
    "grey": "#BBBBBB",
    "black": "#000000",
    # Tol's "vibrant" orange, for descent beside the flow's blue.
    "orange": "#EE7733",
}
# Line style and marker say again what the colour says.
LOOKS: dict[str, dict[str, Any]] = {
    "sigmoid": {"color": COLORS["blue"], "linestyle": "-", "marker": "o"},
    "tanh": {"color": COLORS["red"], "linestyle": "--", "marker": "s"},
    "relu": {"color": COLORS["green"], "linestyle": "-.", "marker": "^"},
    "leaky_relu": {"color": COLORS["yellow"], "linestyle": (0, (5, 1)), "marker": "D"},
    "gelu": {"color": COLORS["cyan"], "linestyle": (0, (3, 1, 1, 1)), "marker": "v"},
    "silu": {"color": COLORS["purple"], "linestyle": ":", "marker": "P"},
}
OTHER_LOOKS = [
    {"color": COLORS[color], "linestyle": line, "marker": marker}
    for color, line, marker in (
        ("blue", "-", "o"),
        ("orange", "--", "s"),
        ("green", "-.", "^"),
        ("purple", ":", "P"),
        ("black", (0, (5, 1)), "D"),
        ("cyan", (0, (3, 1, 1, 1)), "v"),
        ("red", (0, (1, 1)), "X"),
        ("grey", "-", "*"),
        ("yellow", (0, (6, 2)), "h"),
    )
]
# What theory predicts: always thin, black and unbroken.
THEORY: dict[str, Any] = {"color": "black", "linestyle": "-", "linewidth": 0.6, "zorder": 4}
FONT_FAMILY = "STIX"  # what the name of every embedded font begins with
_FONT_SIZES = (
    "font.size",
    "axes.labelsize",
    "legend.fontsize",
    "xtick.labelsize",
    "ytick.labelsize",
)
_NARROWEST_PANEL = 1.7  # inches; below this, tick labels of neighbouring panels meet
LOWEST_PANEL = 1.35  # inches; a row that is lower is all labels


@dataclass(frozen=True)
class Style:
    """A venue's page, and how it is filled.

    Attributes:
        venue: a key of ``venues.VENUES``, a bundle of tueplots (``icml2022``), or ``custom``.
        column: ``full`` (the text's width) or ``half`` (one of two columns).
        width: for ``custom`` alone: inches, or TeX points as ``"252pt"``.
        height: for ``custom``, if known: of the page's text, as ``width``.
        png_resolution: dots per inch of the screen's copy.
    """

    venue: str = "neurips"
    column: str = "full"
    width: float | str | None = None
    png_resolution: int = 200
    height: float | str | None = None

    def __post_init__(self) -> None:
        """Raise InputError for a venue, column or width that does not exist."""
        if self.column not in ("full", "half"):
            raise InputError(f"style.column: {self.column!r} is wrong; it must be full or half")
        if (self.venue == "custom") != (self.width is not None):
            raise InputError("style.width: give it with venue: custom, and only there")
        if self.venue != "custom" and self.height is not None:
            raise InputError("style.height: give it with venue: custom, and only there")
        if not 1 <= self.width_in_inches <= 20:
            raise InputError(f"style.width: {self.width!r} is not between 1 and 20 inches")

    @property
    def width_in_inches(self) -> float:
        """The figure's exact width."""
        if self.width is not None:
            return inches(self.width)
        return column_width(self.venue, self.column)

    @property
    def height_in_inches(self) -> float | None:
        """The height of the page's text, which figure and caption share; None if unknown."""
        return text_height(self.venue) if self.height is None else inches(self.height, "height")

    @property
    def spans_columns(self) -> bool:
        """Whether the figure is as wide as two columns, so that LaTeX wants ``figure*``."""
        if self.venue == "custom" or self.column == "half":
            return False
        return has_two_columns(self.venue)

    @property
    def smallest_font(self) -> float:
        """The venue's smallest text in points: that of legends and tick labels."""
        return float(min(self.parameters[key] for key in _FONT_SIZES))

    @property
    def parameters(self) -> dict[Any, Any]:
        """Matplotlib's settings: the venue's sizes, our fonts, nothing that depends on the host."""
        bundle = {
            k: v
            for k, v in sizes_of(self.venue, self.column).items()
            if not k.startswith(("text.", "font.fam"))
        }
        return bundle | {
            "text.usetex": False,
            # STIX is Times-like and ships with matplotlib: the same glyphs on every machine.
            "font.family": "STIXGeneral",
            "mathtext.fontset": "stix",
            "pdf.fonttype": 42,
            "ps.fonttype": 42,
            "svg.fonttype": "path",
            "svg.hashsalt": "gradient-atlas",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.5,
            "axes.grid": False,
            "axes.titlelocation": "left",
            "lines.linewidth": 1.1,
            "lines.markersize": 3,
            "legend.frameon": False,
            "legend.handlelength": 2.4,
            "xtick.major.width": 0.5,
            "ytick.major.width": 0.5,
            "figure.constrained_layout.use": True,
            "savefig.bbox": None,
        }

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Draw inside this: matplotlib's defaults with ``parameters``, no user's own file."""
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(self.parameters)
            yield

    def shown(self, panels: int) -> list[int]:
        """Return which of so many panels are on the page: all, unless a figure's style says."""
        return list(range(panels))

    def rows(
        self,
        panels: int,
        columns: int | None = None,
        panel_height: float = 1.9,
        least_height: float | None = None,
    ) -> tuple[int, int, float]:
        """Return rows, columns and the height of a row: as low as all need to fit, if they can."""
        room = max(1, int(self.width_in_inches / _NARROWEST_PANEL))
        columns = min(columns or panels, panels, room)
        rows = math.ceil(panels / columns)
        if (most := self.height_for_drawing()) is not None:
            least = min(panel_height, LOWEST_PANEL) if least_height is None else least_height
            panel_height = min(panel_height, max(most / rows, least))
        return rows, columns, panel_height

    def height_for_drawing(self) -> float | None:
        """Return the inches that a drawing may be high; None if unknown."""
        return self.height_in_inches

    def new_figure(
        self,
        panels: int,
        *,
        columns: int | None = None,
        panel_height: float = 1.9,
        least_height: float | None = None,
        **options: Any,
    ) -> tuple[Figure, list[Axes]]:
        """Return a figure of the exact width with its panels in rows as wide as the page allows.

        Panels that the style leaves out are axes as well, of another figure that nobody sees.

        Args:
            panels: number of axes.
            columns: how many stand side by side where there is room (default: all).
            panel_height: height of a row in inches, where the page is high enough.
            least_height: what it cannot do without (default: ``LOWEST_PANEL``).
            options: go to ``plt.subplots`` (``sharey`` and so on).
        """
        shown = self.shown(panels)
        rows, across, height = self.rows(len(shown), columns, panel_height, least_height)
        figure, grid = plt.subplots(
            rows,
            across,
            figsize=(self.width_in_inches, rows * height),
            squeeze=False,
            FigureClass=Page,
            **options,
        )
        on_page = list(grid.flat)
        for unused in on_page[len(shown) :]:
            unused.remove()
        if len(shown) == panels:
            return figure, on_page[:panels]
        spare = LeftOut(columns or panels, figsize=(self.width_in_inches, rows * height))
        axes = list(spare.subplots(1, panels, squeeze=False, **options).flat)
        for place, position in enumerate(shown):
            axes[position] = on_page[place]
        return figure, axes


def look_of(key: str, position: int = 0) -> dict[str, Any]:
    """Return colour, line style and marker of an activation; of anything else by its position."""
    return dict(LOOKS.get(key) or OTHER_LOOKS[position % len(OTHER_LOOKS)])


def band(axes: Axes, x: Any, middle: Any, low: Any, high: Any, **look: Any) -> Line2D:
    """Draw a line with the range over seeds behind it; ``look`` as from ``look_of``, and a label.

    Markers stand at about eight places, so that they tell lines apart and hide nothing.
    """
    every = max(1, round(len(np.atleast_1d(x)) / 8))
    (line,) = axes.plot(x, middle, **({"markevery": every} | look))
    axes.fill_between(x, low, high, color=look.get("color"), alpha=0.25, linewidth=0)
    return line


def label_panels(axes: list[Axes], titles: Mapping[int, str] | list[str]) -> None:
    """Give each panel its letter and title: ``(a) Standard initialisation``.

    Panels that are left out take no letter, nor does one that is alone on its page; one that has
    lost the neighbour whose axis it shared gets its own label.
    """
    pairs = dict(titles.items() if isinstance(titles, Mapping) else enumerate(titles))
    on_page = [position for position in sorted(pairs) if not is_left_out(axes[position])]
    for place, position in enumerate(on_page):
        alone = len(on_page) == 1
        axes[position].set_title(
            pairs[position] if alone else f"({letter(place)}) {pairs[position]}"
        )
    for position in on_page if len(on_page) < len(pairs) else []:
        spec = axes[position].get_subplotspec()
        if spec is not None and spec.is_first_col() and not axes[position].get_ylabel():
            columns = next(a.figure.columns for a in axes if isinstance(a.figure, LeftOut))
            row = range(position - position % columns, position)
            before = [axes[other].get_ylabel() for other in row]
            axes[position].set_ylabel(next(filter(None, reversed(before)), ""))


def style_from(parameters: Mapping[str, Any]) -> Style:
    """Return the style of the config's ``style`` section, whose keys the schema has checked."""
    known = {key.name for key in dataclasses.fields(Style)}
    return Style(**{key: value for key, value in parameters.items() if key in known})
