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
from matplotlib.legend import Legend
from matplotlib.lines import Line2D

from gradient_atlas.drawing.venues import column_width, has_two_columns, inches, sizes_of
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


class _Page(Figure):
    """A figure whose own legend takes fewer columns where the page is too narrow for all."""

    def legend(self, *args: Any, **options: Any) -> Legend:
        """Add a legend as ``Figure.legend`` does, ``ncols`` being the most columns it has."""
        for columns in range(options.pop("ncols", 1), 0, -1):
            legend = super().legend(*args, ncols=columns, **options)
            if columns == 1 or legend.get_window_extent().width <= self.bbox.width:
                break
            legend.remove()
        return legend


@dataclass(frozen=True)
class Style:
    """A venue's page, and how it is filled.

    Attributes:
        venue: a key of ``venues.VENUES``, a bundle of tueplots (``icml2022``), or ``custom``.
        column: ``full`` (the text's width) or ``half`` (one of two columns).
        width: for ``custom`` alone: inches, or TeX points as ``"252pt"``.
        png_resolution: dots per inch of the screen's copy.
    """

    venue: str = "neurips"
    column: str = "full"
    width: float | str | None = None
    png_resolution: int = 200

    def __post_init__(self) -> None:
        """Raise InputError for a venue, column or width that does not exist."""
        if self.column not in ("full", "half"):
            raise InputError(f"style.column: {self.column!r} is wrong; it must be full or half")
        if (self.venue == "custom") != (self.width is not None):
            raise InputError("style.width: give it with venue: custom, and only there")
        if not 1 <= self.width_in_inches <= 20:
            raise InputError(f"style.width: {self.width!r} is not between 1 and 20 inches")

    @property
    def width_in_inches(self) -> float:
        """The figure's exact width."""
        if self.width is not None:
            return inches(self.width)
        return column_width(self.venue, self.column)

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

    def new_figure(
        self, panels: int, *, columns: int | None = None, panel_height: float = 1.9, **options: Any
    ) -> tuple[Figure, list[Axes]]:
        """Return a figure of the exact width with its panels in rows as wide as the page allows.

        Args:
            panels: number of axes.
            columns: how many stand side by side where there is room (default: all).
            panel_height: height of a row in inches.
            options: go to ``plt.subplots`` (``sharey`` and so on).
        """
        room = max(1, int(self.width_in_inches / _NARROWEST_PANEL))
        columns = min(columns or panels, panels, room)
        rows = math.ceil(panels / columns)
        figure, grid = plt.subplots(
            rows,
            columns,
            figsize=(self.width_in_inches, rows * panel_height),
            squeeze=False,
            FigureClass=_Page,
            **options,
        )
        axes = list(grid.flat)
        for unused in axes[panels:]:
            unused.remove()
        return figure, axes[:panels]


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
    """Give each panel its letter and title: ``(a) Standard initialisation``."""
    pairs = titles.items() if isinstance(titles, Mapping) else enumerate(titles)
    for position, title in pairs:
        axes[position].set_title(f"({chr(ord('a') + position)}) {title}")


def style_from(parameters: Mapping[str, Any]) -> Style:
    """Return the style of the config's ``style`` section, whose keys the schema has checked."""
    known = {key.name for key in dataclasses.fields(Style)}
    return Style(**{key: value for key, value in parameters.items() if key in known})
