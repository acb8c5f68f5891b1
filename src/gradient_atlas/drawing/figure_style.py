"""The style of one figure: which of its panels are wanted, and how high its drawing may be."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from gradient_atlas.drawing.caption import height_in_paper
from gradient_atlas.drawing.panels import letter
from gradient_atlas.drawing.style import Style
from gradient_atlas.drawing.venues import POINTS_PER_INCH, caption_font, column_width
from gradient_atlas.errors import InputError


@dataclass(frozen=True)
class FigureStyle(Style):
    """A style with what one figure asks of it.

    Attributes:
        figure: its name, for what is said of it.
        panels: the letters of those that are wanted; none: all.
        caption_height: what is kept of the page's height for the caption, in inches.
    """

    figure: str = ""
    panels: tuple[str, ...] = ()
    caption_height: float = 0.0

    def shown(self, panels: int) -> list[int]:
        """Return which of so many panels are on the page.

        Raises:
            InputError: one is wanted that the figure does not have.
        """
        letters = [letter(position) for position in range(panels)]
        if missing := sorted(set(self.panels) - set(letters)):
            has = f"it has {letters[0]} to {letters[-1]}" if panels > 1 else "it has a alone"
            raise InputError(f"panels.{self.figure}: {missing[0]}: no such panel; {has}")
        return [p for p, name in enumerate(letters) if name in self.panels or not self.panels]

    def height_for_drawing(self) -> float | None:
        """Return the inches that the caption leaves; None if the page's height is unknown."""
        whole = super().height_for_drawing()
        return None if whole is None else whole - self.caption_height

    def require_room(self, height: float) -> None:
        """Refuse a drawing that is too high even with its rows as low as can be.

        Raises:
            InputError: names figure, venue and column, and what would fit.
        """
        most = self.height_for_drawing()
        if most is not None and height > most + 1e-9:
            wider = "" if self.column == "full" else "column: full, or "
            raise InputError(
                f"{self.figure}: {height:.1f} in of drawing and {self.caption_height:.1f} in or "
                f"more of caption do not fit a page of {self.venue} "
                f"({self.height_in_inches:.2f} in) at column: {self.column}; take {wider}panels "
                f"alone, as panels: {{{self.figure}: [a]}}"
            )


def style_of(
    style: Style, figure: str, panels: Sequence[str] = (), caption: str = ""
) -> FigureStyle:
    """Return a figure's style; of a page, room for its caption is kept.

    Args:
        style: the config's.
        figure: its name.
        panels: the letters of those that are wanted; none: all.
        caption: as ``Caption.plain`` returns it; "": none is known.
    """
    # In a paper of one column a figure's caption is as wide as the text, whatever its width.
    width = style.width_in_inches
    if style.venue != "custom" and not dataclasses.replace(style, column="full").spans_columns:
        width = column_width(style.venue, "full")
    size = caption_font(style.venue)
    height = height_in_paper(caption, width * POINTS_PER_INCH, size) / POINTS_PER_INCH
    known = {key.name: getattr(style, key.name) for key in dataclasses.fields(Style)}
    return FigureStyle(**known, figure=figure, panels=tuple(panels), caption_height=height)
