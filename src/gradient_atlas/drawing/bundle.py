"""A figure as a bundle that goes into a paper: PDF, SVG, PNG, LaTeX with numbers, drawn data."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from gradient_atlas.drawing.caption import Caption, latex_figure
from gradient_atlas.drawing.drawn_data import drawn_data
from gradient_atlas.drawing.layout import layout_of
from gradient_atlas.drawing.saving import saved_quickly
from gradient_atlas.drawing.style import Style
from gradient_atlas.errors import InputError

PRINT_RESOLUTION = 300  # dots per inch


def write_bundle(
    figure: Figure, caption: Caption, name: str, target: Path, style: Style, pgf: bool = False
) -> None:
    """Write ``target`` with .pdf, .svg, .png, .tex, .md (the caption) and .csv (what is drawn).

    Beside them goes .layout.json: what stands where, for ``figure_check``.

    Args:
        figure: drawn inside ``style.applied()``.
        caption: its text and numbers.
        name: the figure's name; also its LaTeX label ``fig:name`` and the prefix of its macros.
        target: the path of the files without their endings.
        style: its resolution of the PNG, and whether LaTeX wants ``figure*``.
        pgf: write ``.pgf`` as well; LaTeX then sets the text in the paper's own font.

    Raises:
        InputError: ``pgf`` without a LaTeX to measure the text with.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    nothing_timed: dict[str, dict[str, Any]] = {
        "pdf": {"CreationDate": None, "Title": name},
        "svg": {"Date": None, "Title": name},
        "png": {"Software": None},
    }
    with saved_quickly(figure):
        for ending, facts in nothing_timed.items():
            # Heat maps are images in a PDF too, where printers ask for more than a screen shows.
            dots = style.png_resolution if ending == "png" else PRINT_RESOLUTION
            figure.savefig(target.with_suffix(f".{ending}"), metadata=facts, dpi=dots)
        target.with_suffix(".layout.json").write_text(layout_of(figure).to_json())
    if pgf:
        _write_pgf(figure, target.with_suffix(".pgf"))
    target.with_suffix(".tex").write_text(latex_figure(caption, name, style.spans_columns))
    target.with_suffix(".md").write_text(caption.plain() + "\n")
    drawn_data(figure).to_csv(target.with_suffix(".csv"), index=False)
    plt.close(figure)


def draw_anything() -> None:
    """Draw a small figure and forget it: fonts are read then, and the grammar of formulas."""
    style = Style()
    with tempfile.TemporaryDirectory() as folder, style.applied():
        figure, (axes,) = style.new_figure(1)
        axes.loglog([1, 10, 100], [1e-3, 1, 10], label=r"$\eta = 2\times 10^{-1}$")
        axes.set(xlabel=r"layer $\ell$", ylabel=r"$\|\partial L/\partial W^{(\ell)}\|_2$")
        axes.legend()
        write_bundle(figure, Caption(""), "anything", Path(folder, "anything"), style)


def _write_pgf(figure: Figure, path: Path) -> None:
    """Write pgf commands; the paper that takes them needs the same two packages, and pgf."""
    if shutil.which("pdflatex") is None:
        raise InputError("style.pgf: true needs pdflatex, which is not installed; set it false")
    settings: dict[Any, Any] = {
        "pgf.rcfonts": False,
        "pgf.texsystem": "pdflatex",
        "pgf.preamble": r"\usepackage{amsmath,amssymb}",
    }
    with mpl.rc_context(settings):
        try:
            figure.savefig(path, backend="pgf")
        except ValueError as error:
            problem = next((x for x in str(error).splitlines() if x.startswith("!")), str(error))
            raise InputError(f"{path.name}: pdflatex cannot set its text: {problem}") from None
