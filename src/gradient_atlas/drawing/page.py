"""The matplotlib figure that is a page of panels, some of which may be left out."""

from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D


class LeftOut(Figure):
    """Holds the panels that are drawn as the others are, but not shown: measured, never saved."""

    def __init__(self, columns: int, **options: Any) -> None:
        """Stand for a page of so many columns, and be measured as it is, whatever its canvas."""
        super().__init__(**options)
        self.columns = columns
        FigureCanvasAgg(self)


class Page(Figure):
    """A figure whose own legend takes fewer columns where the page is too narrow for all."""

    def colorbar(
        self,
        mappable: Any,
        cax: Any = None,
        ax: Any = None,
        use_gridspec: bool = True,
        **options: Any,
    ) -> Colorbar:
        """Add a bar beside those of the axes that are on the page, if any is."""
        asked = [] if ax is None else list(np.atleast_1d(ax))
        on_page = [axes for axes in asked if not is_left_out(axes)]
        if not asked or on_page:
            if mappable.axes is not None and is_left_out(mappable.axes):
                mappable = ScalarMappable(norm=mappable.norm, cmap=mappable.cmap)
            return super().colorbar(mappable, cax, on_page or None, use_gridspec, **options)
        bar: Colorbar = asked[0].figure.colorbar(mappable, ax=asked, **options)
        return bar

    def legend(self, *args: Any, **options: Any) -> Legend:
        """Add a legend as ``Figure.legend`` does, ``ncols`` being the most columns it has.

        One that explains nothing but panels that are left out is taken away again.
        """
        for columns in range(options.pop("ncols", 1), 0, -1):
            legend = super().legend(*args, ncols=columns, **options)
            if columns == 1 or legend.get_window_extent().width <= self.bbox.width:
                break
            legend.remove()
        if args and not _explains(list(args[0]), self):
            legend.remove()
        return legend


def is_left_out(axes: Any) -> bool:
    """Whether a panel is not on the page, since others were asked for."""
    return isinstance(axes.figure, LeftOut)


def _explains(handles: list[Any], page: Figure) -> bool:
    """Whether anything on the page looks like a legend's lines, as far as these are of a panel."""
    looks = {
        (to_hex(line.get_color()), str(line.get_linestyle()))
        for axes in page.axes
        for line in axes.lines
    }
    return not handles or any(
        not isinstance(handle, Line2D)
        or handle.axes is None
        or not is_left_out(handle.axes)
        or np.size(handle.get_xdata()) == 0
        or (to_hex(handle.get_color()), str(handle.get_linestyle())) in looks
        for handle in handles
    )
