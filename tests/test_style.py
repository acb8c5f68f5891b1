"""The page: exact widths of the venues, sizes, and what a wrong style is told."""

import re
import shutil
import subprocess

import pikepdf
import pytest

from gradient_atlas.drawing.bundle import write_bundle
from gradient_atlas.drawing.caption import Caption
from gradient_atlas.drawing.style import Style, style_from
from gradient_atlas.drawing.venues import VENUES, text_height
from gradient_atlas.errors import InputError

# Column and text of each venue in TeX's points, from its LaTeX class or guide for artwork; half
# of the text where there is one column.
COLUMNS = {
    "icml": (234.8775, 487.8225),
    "neurips": (198.74, 397.485),
    "iclr": (198.74, 397.485),
    "jmlr": (216.81, 433.62),
    "tmlr": (234.8775, 469.755),
    "aistats": (234.8775, 487.8225),
    "cvpr": (237.136, 496.856),
    "ieee": (252.0, 516.0),
    "aps": (246.0, 510.0),
    "elsevier": (256.075, 540.602),
}
# \textheight, in the same points.
HEIGHTS = {
    "icml": 650.43,
    "neurips": 650.43,
    "iclr": 650.43,
    "jmlr": 614.295,
    "tmlr": 650.43,
    "aistats": 668.4975,
    "cvpr": 641.396,
    "ieee": 696.0,
    "aps": 672.0,
    "elsevier": 682.0,
}
# Those among them whose class TeX Live has, which then says it itself.
CLASSES = {
    "ieee": r"\documentclass[journal]{IEEEtran}",
    "aps": r"\documentclass[aps,prl,twocolumn]{revtex4-2}",
    "elsevier": r"\documentclass[5p,twocolumn]{elsarticle}",
}
TWO_COLUMNS = {"icml", "aistats", "cvpr", "ieee", "aps", "elsevier"}


def test_every_venue_is_checked():
    assert set(COLUMNS) == set(HEIGHTS) == set(VENUES)


@pytest.mark.parametrize("venue", COLUMNS)
def test_width_of_a_column_and_of_the_text(venue):
    half, full = COLUMNS[venue]
    assert Style(venue, "half").width_in_inches * 72.27 == pytest.approx(half, abs=0.01)
    assert Style(venue, "full").width_in_inches * 72.27 == pytest.approx(full, abs=0.01)
    assert Style(venue, "full").spans_columns == (venue in TWO_COLUMNS)
    assert not Style(venue, "half").spans_columns
    assert 6 <= Style(venue).smallest_font <= 8


@pytest.mark.parametrize("venue", HEIGHTS)
def test_height_of_the_text(venue):
    assert text_height(venue) * 72.27 == pytest.approx(HEIGHTS[venue], abs=0.01)


def test_height_of_a_bundle_is_that_of_its_venue():
    assert text_height("icml2022") == 9.0
    assert text_height("beamer_moml") is None


@pytest.mark.parametrize("venue", CLASSES)
def test_height_of_the_text_as_the_class_sets_it(venue, tmp_path):
    name = re.search(r"\{([\w-]+)\}", CLASSES[venue])[1]
    found = shutil.which("kpsewhich") and subprocess.run(
        ["kpsewhich", f"{name}.cls"], capture_output=True
    )
    if not found or found.returncode:
        pytest.skip(f"TeX Live's {name} (Debian: texlive-publishers) is not installed")
    (tmp_path / "x.tex").write_text(
        CLASSES[venue] + r"\begin{document}\typeout{HEIGHT \the\textheight}\end{document}"
    )
    command = ["pdflatex", "-interaction=batchmode", "x.tex"]
    subprocess.run(command, cwd=tmp_path, capture_output=True)
    height = float(re.search(r"HEIGHT ([\d.]+)pt", (tmp_path / "x.log").read_text())[1])
    assert text_height(venue) * 72.27 == pytest.approx(height, abs=0.01)


@pytest.mark.parametrize(
    ("width", "inches"), [(3.5, 3.5), ("3.5", 3.5), ("252pt", 252 / 72.27), (4, 4.0)]
)
def test_custom_width(width, inches):
    assert Style("custom", width=width).width_in_inches == pytest.approx(inches)


@pytest.mark.parametrize("style", [Style("icml", "half"), Style("custom", width="252pt")])
def test_page_is_as_wide_as_the_style_says(style, tmp_path):
    with style.applied():
        figure, (left, _) = style.new_figure(2)
        left.set_ylabel("a label that is much too long for so small a panel of a figure")
        write_bundle(figure, Caption("x"), "x", tmp_path / "x", style)
    with pikepdf.open(tmp_path / "x.pdf") as document:
        width = float(document.pages[0].mediabox[2])
    assert width == pytest.approx(style.width_in_inches * 72, abs=0.01)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"venue": "nips"}, "style.venue: 'nips' is unknown; did you mean neurips"),
        ({"venue": "fontsizes"}, "style.venue"),
        ({"column": "third"}, "style.column"),
        ({"venue": "custom"}, "style.width: give it with venue: custom"),
        ({"width": 3}, "style.width: give it with venue: custom"),
        ({"venue": "custom", "width": "3 cm"}, "style.width: '3 cm' is wrong"),
        ({"venue": "custom", "width": 0.1}, "not between 1 and 20"),
    ],
)
def test_wrong_style_is_refused_by_its_key(parameters, message):
    with pytest.raises(InputError, match=message):
        style_from(parameters)


def test_narrow_page_puts_panels_below_each_other():
    with Style("icml", "half").applied():
        figure, axes = Style("icml", "half").new_figure(3)
        heights = [panel.get_position().y0 for panel in axes]
    assert len(set(heights)) == 3
    assert figure.get_figwidth() == 3.25


@pytest.mark.parametrize(("style", "rows"), [(Style("icml", "half"), 2), (Style(), 1)])
def test_legend_takes_as_many_columns_as_fit(style, rows):
    with style.applied():
        figure, (axes,) = style.new_figure(1)
        for number in range(6):
            axes.plot([1, 2], label=f"name {number}")
        legend = figure.legend(loc="outside lower center", ncols=6)
        figure.draw_without_rendering()
        heights = {round(text.get_window_extent().y0) for text in legend.get_texts()}
    assert len(figure.legends) == 1
    assert legend.get_window_extent().width <= figure.bbox.width
    assert len(heights) == rows
