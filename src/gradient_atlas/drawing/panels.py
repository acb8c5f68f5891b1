"""Panels of a figure taken alone: what of a caption speaks of which, and their new letters.

A caption marks what speaks of some panels only; the rest speaks of all:
``"Two networks. " + only("a", "(a) The first. ") + only("b", "(b) The second.")``.
"""

import re
import string
from collections.abc import Sequence

_PIECE = re.compile("\x01([a-z]+)\x02([^\x01\x02\x03]*)\x03")
_LETTER = r"\(([a-z])\)"
# Panels that are named together: (a), (b) and (d); (a)–(c).
_LETTERS = re.compile(rf"{_LETTER}(?:(?:–|, | and |, and ){_LETTER})*")
_MATHS = re.compile(r"(\$[^$]*\$)")


def letter(position: int) -> str:
    """Return the letter of a panel, which are counted from 0."""
    return string.ascii_lowercase[position]


def only(letters: str, text: str) -> str:
    """Mark a part of a caption that speaks of these panels alone; no marks in marks."""
    return f"\x01{letters}\x02{text}\x03" if letters else text


def letters_of(positions: Sequence[int]) -> tuple[str, str]:
    """Return the panels at these positions for ``only``, and as a reader names them."""
    names = [letter(position) for position in positions]
    return "".join(names), ", ".join(f"({name})" for name in names)


def whole(text: str) -> str:
    """Return a marked text without its marks."""
    return _tidy(_PIECE.sub(r"\2", text))


def left_out(text: str, chosen: Sequence[str]) -> str:
    """Return what a marked text says of none of the chosen panels."""
    return "".join(said for letters, said in _PIECE.findall(text) if not set(letters) & {*chosen})


def chosen_text(text: str, chosen: Sequence[str]) -> str:
    """Return what a marked text says of the chosen panels, which are named a, b, ... anew.

    A single one has no name.
    """
    kept = _PIECE.sub(lambda piece: piece[2] if set(piece[1]) & {*chosen} else "", text)
    new = {old: letter(position) for position, old in enumerate(sorted(chosen))}
    pieces = _MATHS.split(kept)
    pieces[::2] = [_LETTERS.sub(lambda named: _renamed(named[0], new), p) for p in pieces[::2]]
    if len(new) == 1:
        pieces[::2] = [_nameless(piece) for piece in pieces[::2]]
    return _tidy("".join(pieces))


def _nameless(text: str) -> str:
    """Without the letter of the only panel: ``(a) Loss``, ``(a): loss``, ``a line in (a)``."""
    text = re.sub(r"\(a\): ([a-z])", lambda named: named[1].upper(), text)
    return re.sub(r"( in)? ?\(a\)", "", text)


def _tidy(text: str) -> str:
    """Without the blanks of what has been taken away."""
    return re.sub(r" {2,}", " ", text).strip()


def _renamed(named: str, new: dict[str, str]) -> str:
    """The letters named together, those of panels that are left out taken away."""
    old = re.findall(_LETTER, named)
    if "–" in named:
        first, last = old[0], old[-1]
        old = [name for name in string.ascii_lowercase if first <= name <= last]
    kept = [f"({new[name]})" for name in old if name in new]
    if "–" in named and len(kept) > 2:
        return f"{kept[0]}–{kept[-1]}"
    return ", ".join(kept)
