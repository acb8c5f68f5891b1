"""The mark of a figure that was drawn for a first look, from fewer seeds and steps."""

from dataclasses import replace

from matplotlib.figure import Figure

from gradient_atlas.drawing.caption import Caption

TITLE = "quick look: fewer seeds and steps"


def mark(figure: Figure) -> None:
    """Write above a figure that it is a quick look; its layout makes room for that."""
    above = figure.get_suptitle()
    figure.suptitle(f"{above}\n{TITLE}" if above else TITLE, fontsize="small", style="italic")


def marked_caption(caption: Caption) -> Caption:
    """Return the caption, which says first that it is a quick look's."""
    said = "Quick look, from fewer seeds and steps than the figure is meant for."
    return replace(caption, text=f"{said} {caption.text}")
