"""Draw one figure from its tables and write its bundle."""

from command_line import Json, run_script

import argparse
import gc
from pathlib import Path

from figure_modules import drawing_of
from gradient_atlas.drawing.bundle import draw_anything, write_bundle
from gradient_atlas.drawing.figure_style import style_of
from gradient_atlas.drawing.quick import mark, marked_caption
from gradient_atlas.drawing.style import style_from
from gradient_atlas.tables.files import gather


def main() -> None:
    """Read, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="a module of src/figures, or your own module:function")
    parser.add_argument(
        "--tables", action=Json, required=True, help="JSON: the figure's data sets by name"
    )
    parser.add_argument("--results", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--sweeps", action=Json, default={}, help="JSON: sweeps by data set")
    parser.add_argument("--style", action=Json, default={}, help="JSON: the config's style")
    parser.add_argument("--panels", nargs="*", default=[], help="letters of those that are wanted")
    parser.add_argument("--quick", action="store_true", help="mark it as a quick look")
    parser.add_argument("--output", type=Path, required=True, help="path without ending")
    arguments = parser.parse_args()
    # A figure's artists are gone with the process; looking for those that are gone before takes a
    # tenth of the time.
    gc.disable()
    draw, caption = drawing_of(arguments.name)
    tables = gather(arguments.tables, arguments.results, arguments.sweeps)
    name, text = arguments.name.rpartition(":")[2], caption(tables)
    if arguments.panels:
        text = text.of_panels(arguments.panels)
    if arguments.quick:
        text = marked_caption(text)
    style = style_of(style_from(arguments.style), name, arguments.panels, text.plain())
    with style.applied():
        figure = draw(tables, style)
        # A panel that is alone on its page has no letter, so that its caption speaks of none.
        if sum(axes.get_title(loc="left") != "" for axes in figure.axes) == 1:
            text = text.of_panels("a")
        if arguments.quick:
            mark(figure)
        write_bundle(
            figure,
            text,
            name,
            arguments.output,
            style,
            pgf=arguments.style.get("pgf", False),
        )


if __name__ == "__main__":
    run_script(main, warm_up=draw_anything)
