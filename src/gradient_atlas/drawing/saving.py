"""What matplotlib does again for each file of a figure, done once: to the same bytes.

A figure is saved three times and measured once. Each time every formula is read anew, since each
renderer has a parser of its own, and before a file is written everything is drawn without being
drawn, of which only the layout is wanted.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser

# Neither of them is declared: matplotlib's own, of the version that is pinned.
_Parser: Any = MathTextParser
_parse = _Parser._parse_cached.__wrapped__


@contextmanager
def saved_quickly(figure: Figure) -> Iterator[None]:
    """Inside, ``figure.savefig`` reads no formula twice and draws nothing in vain."""
    before = _Parser._parse_cached
    _Parser._parse_cached = _parse_once
    figure.draw = functools.partial(_draw, figure)  # type: ignore[method-assign]
    try:
        yield
    finally:
        del figure.draw  # type: ignore[method-assign]
        _Parser._parse_cached = before


def _parse_once(parser: Any, *formula: Any) -> Any:
    """What a formula becomes depends on the parser's kind, and on settings."""
    settings = mpl.rcParams
    fonts = [str(settings[key]) for key in settings if key.startswith(("mathtext.", "font."))]
    return _parsed(parser._output_type, tuple(fonts), *formula)


@functools.lru_cache(4096)
def _parsed(output: str, fonts: tuple[str, ...], *formula: Any) -> Any:
    return _parse(_Parser("path" if output == "vector" else "agg"), *formula)


def _draw(figure: Figure, renderer: Any) -> None:
    """Draw the figure; where the renderer draws nothing, lay it out and no more."""
    engine = figure.get_layout_engine()
    if engine is not None and "draw_path" in vars(renderer):  # Renderer._draw_disabled
        engine.execute(figure)
    else:
        type(figure).draw(figure, renderer)
