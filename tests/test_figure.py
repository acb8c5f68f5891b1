"""Numbers, captions and macros; what LaTeX makes of them."""

import math
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradient_atlas.drawing.bundle import write_bundle
from gradient_atlas.drawing.caption import Caption, Number, latex_figure, macro_name
from gradient_atlas.drawing.style import Style
from gradient_atlas.errors import InputError


@pytest.mark.parametrize(
    ("number", "latex"),
    [
        (Number(3), "3"),
        (Number(0.25, digits=3), "0.250"),
        (Number(0.4321, spread=0.087), r"0.43 \pm 0.09"),
        (Number(123456.0), r"1.2\times 10^{5}"),
        (Number(1.2e-7, spread=3e-8), r"(1.2 \pm 0.3)\times 10^{-7}"),
        (Number(0.0, unit=r"\mathrm{s}"), r"0\,\mathrm{s}"),
        (Number(-0.04, spread=0.1), r"0.0 \pm 0.1"),
        (Number(math.inf), r"\infty"),
        (Number(-math.inf), r"-\infty"),
        (Number(math.nan), r"\mbox{(not measured)}"),
        (Number(2.5, spread=math.nan), "2.5"),
    ],
)
def test_number_as_latex(number, latex):
    assert number.latex() == latex


@given(st.text(alphabet=st.characters(codec="ascii"), min_size=1))
def test_macro_names_have_letters_only(name):
    assert all(c.isalpha() and c.isascii() for c in macro_name("a_figure", name))


def test_caption_needs_a_number_for_each_place():
    with pytest.raises(ValueError, match="no number for"):
        Caption("[[missing]]")


def test_figure_that_spans_two_columns():
    assert r"\begin{figure*}" in latex_figure(Caption("x"), "x", spans_columns=True)
    assert r"\begin{figure}" in latex_figure(Caption("x"), "x")


def test_pgf_without_latex_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    style = Style()
    with style.applied():
        figure, _ = style.new_figure(1)
        with pytest.raises(InputError, match="needs pdflatex"):
            write_bundle(figure, Caption("x"), "x", tmp_path / "x", style, pgf=True)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_takes_the_bundle_in_preamble_and_text(tmp_path):
    caption = Caption(
        r"50 % of A&B #1 in a_b < c, $x_1 < [[half]]$, then [[half]] – and [[lost_2]].",
        {"half": Number(0.5, spread=0.1), "lost_2": Number(math.nan)},
    )
    style = Style()
    with style.applied():
        figure, (axes,) = style.new_figure(1)
        axes.plot([1, 2])
        write_bundle(figure, caption, "a_figure", tmp_path / "a_figure", style)
    (tmp_path / "main.tex").write_text(
        r"\documentclass{article}\usepackage{graphicx}\input{a_figure}"
        "\n"
        r"\begin{document}Abstract: \AFigureHalf{}. \input{a_figure} See \ref{fig:a_figure}."
        "\n"
        r"\end{document}"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-1500:]
    assert (tmp_path / "main.log").read_text().count("a_figure.pdf") >= 1


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Number(9.96), "10"),  # rounded before its power is taken
        (Number(9.96e-6), r"1.0\times 10^{-5}"),
        (Number(0.251, 0.0096), r"0.25 \pm 0.01"),
        (Number(9.97e-8, 3e-10), r"(9.97 \pm 0.03)\times 10^{-8}"),
        (Number(0.04, 0.3), r"0.0 \pm 0.3"),
    ],
)
def test_a_number_is_rounded_once(number, text):
    assert number.latex() == text
