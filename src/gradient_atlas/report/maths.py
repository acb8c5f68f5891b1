"""Text with LaTeX maths between dollars: as HTML with MathML, and as plain text."""

import re
from html import escape, unescape

import latex2mathml.converter
from markupsafe import Markup

from gradient_atlas.errors import InputError

_MATHS = re.compile(r"(\$[^$]*\$)")


def with_maths(text: str) -> Markup:
    """Return HTML of a text with LaTeX maths between dollars, the maths as MathML.

    Raises:
        InputError: a formula that latex2mathml cannot read.
    """
    pieces = _MATHS.split(text)
    for position, piece in enumerate(pieces):
        pieces[position] = escape(piece) if position % 2 == 0 else _mathml(piece)
    return Markup("".join(pieces))


def spoken(text: str) -> str:
    """Return the text without markup, each formula as its letters and signs alone.

    Raises:
        InputError: a formula that latex2mathml cannot read.
    """
    pieces = _MATHS.split(text)
    for position, piece in enumerate(pieces):
        if position % 2:
            pieces[position] = unescape(re.sub(r"<[^>]*>", "", _mathml(piece)))
    return "".join(pieces)


def _mathml(formula: str) -> str:
    try:
        return latex2mathml.converter.convert(formula[1:-1])
    except Exception as error:  # the library raises many kinds, all of them about the formula
        raise InputError(f"caption: {formula} cannot be read as maths: {error!r}") from None
