"""A caption, the numbers in it, and both as LaTeX."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradient_atlas.drawing.panels import chosen_text, left_out, whole

_PLACE = re.compile(r"\[\[(\w+)\]\]")
_MATHS = re.compile(r"(\$[^$]*\$)")
LETTER = 0.46  # ems; measured: 0.44 in Computer Modern, 0.39 in Times
LEADING = 1.2  # of the font's size
ABOVE_CAPTION = 10.0  # points: LaTeX's \abovecaptionskip
_DIGIT_NAMES = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


@dataclass(frozen=True)
class Number:
    """A number of a caption, computed from the tables.

    Attributes:
        value: the number; nan prints as "(not measured)".
        spread: printed after ±; sets the number of decimals.
        digits: significant digits where there is no spread; a whole ``int`` is printed whole.
        unit: LaTeX maths after the number, e.g. ``\\mathrm{s}``.
        spread_is: what ``spread`` is, which the caption says at its end.
    """

    value: float | int
    spread: float | None = None
    digits: int = 2
    unit: str = ""
    spread_is: str = "the standard deviation over seeds"

    @classmethod
    def over_seeds(cls, values: Sequence[float], digits: int = 2, unit: str = "") -> "Number":
        """Return the mean of a value per seed ± its standard deviation; nan of no seed at all."""
        # Equal values have no spread, which rounding may make another.
        differ = len(values) > 1 and min(values) < max(values)
        spread = float(np.std(values, ddof=1)) if differ else None
        return cls(float(np.mean(values)) if len(values) else math.nan, spread, digits, unit)

    def latex(self) -> str:
        """Return the number in LaTeX maths, without dollars."""
        unit = rf"\,{self.unit}" if self.unit else ""
        value = float(self.value)
        if math.isnan(value):
            return r"\mbox{(not measured)}"
        if math.isinf(value):
            return (r"-\infty" if value < 0 else r"\infty") + unit
        if isinstance(self.value, int | np.integer):
            return f"{self.value}{unit}"
        if value == 0:
            return f"0{unit}"
        # Rounded before its power is taken: 9.96 with two digits is 10, not 10.0 times 10^0.
        spread = self.spread if self.spread and math.isfinite(self.spread) else None
        if spread is None:
            last = _power(value) - self.digits + 1
            last = _power(round(value, -last)) - self.digits + 1
        else:
            last = _power(float(f"{spread:.0e}"))
        power = max(last, _power(round(value, -last)))
        scaled = not -3 <= power < 5
        scale = 10.0**power if scaled else 1.0
        decimals = max(0, (power if scaled else 0) - last)
        text = f"{value / scale:.{decimals}f}"
        text = text if float(text) else text.removeprefix("-")
        if spread is not None:
            text += rf" \pm {spread / scale:.{decimals}f}"
        if scaled:
            text = rf"({text})" if spread is not None else text
            text += rf"\times 10^{{{power}}}"
        return text + unit


@dataclass(frozen=True)
class Caption:
    """A caption's text, and the numbers that stand in it.

    Attributes:
        text: plain text with LaTeX maths between dollars and ``[[name]]`` where a number stands;
            what speaks of some panels alone is marked by ``panels.only``.
        numbers: each name of the text, computed from the tables; more may be given for the paper's
            own sentences.
    """

    text: str
    numbers: Mapping[str, Number] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a place without a number, and characters that pdfLaTeX's text fonts lack."""
        if missing := set(_PLACE.findall(self.text)) - set(self.numbers):
            raise ValueError(f"caption: no number for {sorted(missing)}")
        for piece in _MATHS.split(self.text)[::2]:
            if odd := [c for c in piece if ord(c) > 0xFF and c not in "–—‘’“”"]:
                raise ValueError(f"caption: {odd} must stand in $maths$")

    def of_panels(self, letters: Sequence[str]) -> "Caption":
        """Return the caption of these panels alone, lettered anew, without others' numbers."""
        text = chosen_text(self.text, letters)
        gone = {*_PLACE.findall(left_out(self.text, letters))} - {*_PLACE.findall(text)}
        return Caption(text, {k: value for k, value in self.numbers.items() if k not in gone})

    def plain(self) -> str:
        """Return the text with its numbers, maths between dollars: Markdown as it stands."""
        return self._filled(lambda name: self.numbers[name].latex())

    @property
    def _whole(self) -> str:
        """The text, and what stands after each ± in it."""
        text = whole(self.text)
        shown = (self.numbers[name] for name in _PLACE.findall(text))
        kinds = {number.spread_is: None for number in shown if r"\pm" in number.latex()}
        return text + (rf" After $\pm$: {', and '.join(kinds)}." if kinds else "")

    def latex(self, prefix: str) -> str:
        """Return the text for LaTeX, each number as its macro (see ``macros``)."""
        text = self._filled(lambda name: rf"\{macro_name(prefix, name)}{{}}")
        pieces = _MATHS.split(text)
        pieces[::2] = [re.sub(r"[%&#_<>]", _escaped, piece) for piece in pieces[::2]]
        return "".join(pieces)

    def macros(self, prefix: str) -> str:
        r"""Return one ``\newcommand`` a number, usable in text and in maths."""
        return "\n".join(
            rf"\newcommand{{\{macro_name(prefix, name)}}}{{\ensuremath{{{number.latex()}}}}}"
            for name, number in sorted(self.numbers.items())
        )

    def _filled(self, formatted: Any) -> str:
        pieces = _MATHS.split(self._whole)
        for position, piece in enumerate(pieces):
            outside = position % 2 == 0
            pieces[position] = _PLACE.sub(
                lambda match, outside=outside: (
                    f"${formatted(match[1])}$" if outside else formatted(match[1])
                ),
                piece,
            )
        return "".join(pieces)


def height_in_paper(caption: str, width: float, size: float) -> float:
    """Return about how high LaTeX sets a caption (as ``plain``) of this font size, in points.

    A command of maths counts as one letter, and ``LETTER`` is a little more than the usual fonts
    need, so that what is said to fit does.
    """
    text = re.sub(r"\\[a-zA-Z]+|\\.", "x", caption)
    letters = len(re.sub(r"[{}$^_]", "", text)) + len("Figure 1: ")
    return LEADING * size * math.ceil(letters * LETTER * size / width) + ABOVE_CAPTION


def _power(value: float) -> int:
    """The power of ten of a number's first digit; of 0 the least there is."""
    return math.floor(math.log10(abs(value))) if value else -400


def macro_name(prefix: str, name: str) -> str:
    """Return a LaTeX macro's name, which may hold letters only."""
    words = re.split(r"[_\W]+", f"{prefix}_{name}")
    camel = "".join(word[:1].upper() + word[1:] for word in words)
    return re.sub(r"\d", lambda digit: _DIGIT_NAMES[int(digit[0])], camel)


def _escaped(character: re.Match[str]) -> str:
    named = {"<": r"\textless{}", ">": r"\textgreater{}"}
    return named.get(character[0], f"\\{character[0]}")


def latex_figure(caption: Caption, name: str, spans_columns: bool = False) -> str:
    r"""Return the numbers as macros and a ``figure`` environment around the PDF.

    ``\input`` in the preamble, it defines the numbers alone, so that an abstract may use them;
    in the text it sets the figure, and defines the numbers unless the preamble has done so.
    """
    environment = "figure*" if spans_columns else "figure"
    defined = f"GradientAtlas:{name}"
    return (
        rf"% {name}: \input in the preamble for the numbers alone, in the text for the figure."
        "\n"
        rf"\ifcsname {defined}\endcsname\else"
        "\n"
        rf"\expandafter\def\csname {defined}\endcsname{{}}"
        "\n"
        f"{caption.macros(name)}\n"
        "\\fi\n"
        "\\expandafter\\ifx\\csname @nodocument\\endcsname\\relax\n"
        f"\\begin{{{environment}}}[t]\n"
        "  \\centering\n"
        f"  \\includegraphics{{{name}.pdf}}\n"
        f"  \\caption{{{caption.latex(name)}}}\n"
        f"  \\label{{fig:{name}}}\n"
        f"\\end{{{environment}}}\n"
        "\\fi\n"
    )
