"""Widths, heights and font sizes of the venues that a figure may be drawn for."""

from collections.abc import Callable
from difflib import get_close_matches
from inspect import isfunction, signature
from typing import Any

from tueplots import bundles

from gradient_atlas.errors import InputError

# Short names for the config; each stands for a function of tueplots.bundles, which gives the sizes.
VENUES = {
    "icml": "icml2024",
    "neurips": "neurips2024",
    "iclr": "iclr2024",
    "jmlr": "jmlr2001",
    "tmlr": "tmlr2023",
    "aistats": "aistats2025",
    "cvpr": "cvpr2024",
    "ieee": "icml2024",
    "aps": "icml2024",
    "elsevier": "icml2024",
}
POINTS_PER_INCH = 72.27  # TeX's point, in which \the\columnwidth is printed
MILLIMETRES_PER_INCH = 25.4
# Widths in inches (half, full) of two-column venues that tueplots lacks or has wrong: cvpr.sty
# leaves (6.875 - 0.3125) / 2 inches a column, IEEEtran 252pt and 516pt, REVTeX 246pt and 510pt,
# Elsevier's guide for artwork 90 mm and 190 mm.
WIDTHS = {
    "cvpr": (3.28125, 6.875),
    "ieee": (252 / POINTS_PER_INCH, 516 / POINTS_PER_INCH),
    "aps": (246 / POINTS_PER_INCH, 510 / POINTS_PER_INCH),
    "elsevier": (90 / MILLIMETRES_PER_INCH, 190 / MILLIMETRES_PER_INCH),
}
# Height of the text in inches, by the venue or, for a bundle of tueplots, by its name without the
# year: \textheight of icml2025.sty, neurips_2024.sty, iclr2024_conference.sty, jmlr2e.sty,
# tmlr.sty, aistats2025.sty and cvpr.sty; as set by IEEEtran (journal, 10pt), by revtex4-2 (aps,
# prl, twocolumn) and by elsarticle (5p, twocolumn).
HEIGHTS = {
    "icml": 9.0,
    "neurips": 9.0,
    "iclr": 9.0,
    "jmlr": 8.5,
    "tmlr": 9.0,
    "aistats": 9.25,
    "cvpr": 8.875,
    "ieee": 696 / POINTS_PER_INCH,
    "aps": 672 / POINTS_PER_INCH,
    "elsevier": 682 / POINTS_PER_INCH,
}


def column_width(venue: str, column: str) -> float:
    """Return the exact width in inches of a venue's ``half`` or ``full`` column."""
    if venue in WIDTHS:
        return WIDTHS[venue][column == "full"]
    return float(sizes_of(venue, column)["figure.figsize"][0])


def text_height(venue: str) -> float | None:
    """Return the height in inches of a venue's page of text; None where it is not known."""
    return HEIGHTS.get(venue.rstrip("0123456789"))


def caption_font(venue: str) -> float:
    """Return the size in points of a venue's captions: two-column pages set them smaller."""
    return 9.0 if has_two_columns(venue) else 10.0


def inches(width: float | str, key: str = "width") -> float:
    """Return a width or height given in inches or, as in ``"252pt"``, in TeX points.

    Raises:
        InputError: it is neither.
    """
    text = str(width).strip()
    try:
        return float(text.removesuffix("pt")) / (POINTS_PER_INCH if text.endswith("pt") else 1)
    except ValueError:
        raise InputError(
            f'style.{key}: {width!r} is wrong; give inches (3.5) or points ("252pt")'
        ) from None


def has_two_columns(venue: str) -> bool:
    """Whether the venue sets two columns, so that its full width spans both."""
    return venue in WIDTHS or "column" in signature(_bundle(venue)).parameters


def sizes_of(venue: str, column: str) -> dict[str, Any]:
    """Return matplotlib's settings for a venue as tueplots has them.

    Raises:
        InputError: the venue is neither in ``VENUES``, nor ``custom``, nor a bundle of tueplots.
    """
    make = _bundle(venue)
    # Each bundle takes `column`, or is of one column and takes `rel_width`. Some set text with TeX
    # unless told not to.
    wishes = {
        "column": column,
        "rel_width": 0.5 if column == "half" else 1.0,
        "usetex": False,
    }
    takes = signature(make).parameters
    if "column" in takes:
        del wishes["rel_width"]
    return make(**{key: wish for key, wish in wishes.items() if key in takes})


def _bundle(venue: str) -> Callable[..., dict[str, Any]]:
    name = "neurips2024" if venue == "custom" else VENUES.get(venue, venue)
    make = getattr(bundles, name, None)
    if not isfunction(make) or name.startswith("_"):
        close = get_close_matches(venue, VENUES, n=1)
        hint = f"did you mean {close[0]}? It" if close else "it"
        raise InputError(
            f"style.venue: {venue!r} is unknown; {hint} must be one of {', '.join(VENUES)}, "
            "custom, or a bundle of tueplots"
        )
    return make
