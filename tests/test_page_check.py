"""A venue's rules on anybody's PDF: pages made by hand, by matplotlib as it is, by pdfTeX."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pikepdf
import pypdf
import pytest
from matplotlib import pyplot as plt

from gradient_atlas.drawing.bundle import write_bundle
from gradient_atlas.drawing.caption import Caption
from gradient_atlas.drawing.layout import layout_of
from gradient_atlas.drawing.page_check import check_page
from gradient_atlas.drawing.page_content import content_of
from gradient_atlas.drawing.style import Style, look_of
from gradient_atlas.errors import InputError

PROJECT = Path(__file__).parents[1]

ICML = Style("icml", "half")
RULES = ["page-width", "page-height", "font-type", "embedding", "font-size", "resolution", "colors"]


def written(path, content, width=234, height=200, **resources):
    """A page with this content stream; fonts and images by name."""
    with pikepdf.new() as document:
        page = document.add_blank_page(page_size=(width, height))
        page.obj.Resources = pikepdf.Dictionary()
        for kind, members in resources.items():
            made = {f"/{name}": make(document) for name, make in members.items()}
            page.obj.Resources[f"/{kind}"] = pikepdf.Dictionary(made)
        page.obj.Contents = document.make_stream(content.encode())
        document.save(path)
    return path


def pixels(width, height):
    def make(document):
        image = document.make_stream(bytes(width * height))
        image.Type, image.Subtype = pikepdf.Name.XObject, pikepdf.Name.Image
        image.Width, image.Height, image.BitsPerComponent = width, height, 8
        image.ColorSpace = pikepdf.Name.DeviceGray
        return image

    return make


def helvetica(document):
    """One of the fonts that every reader is said to have: not in the file."""
    return pikepdf.Dictionary(
        Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
    )


def broken(path, style=ICML):
    findings = check_page(path, style)
    assert [finding.rule for finding in findings] == RULES
    return {finding.rule for finding in findings if finding.holds is False}


def saved(path, draw, **settings):
    """A figure as matplotlib saves it, half a column of ICML wide."""
    with mpl.rc_context(settings):
        figure, axes = plt.subplots(figsize=(3.25, 2))
        draw(axes)
        figure.savefig(path)
        plt.close(figure)
    return path


def lines(*looks):
    def draw(axes):
        for position, look in enumerate(looks):
            axes.plot([0, 1, 2], np.array([0, 1, 0]) + 0.2 * position, **look)

    return draw


def test_a_figure_of_ours_keeps_every_rule_and_its_sizes_are_read(tmp_path):
    with ICML.applied():
        figure, (left, right) = ICML.new_figure(2)
        for position, name in enumerate(["sigmoid", "relu"]):
            left.plot([1, 2, 3], [1, 10.0**position, 2], label=name, **look_of(name))
        left.set(yscale="log", xlabel=r"layer $\ell$", ylabel=r"$\|\delta^{(\ell)}\|_{2^2}$")
        right.pcolormesh(np.arange(9).reshape(3, 3), rasterized=True)
        drawn = {text.size for text in layout_of(figure).texts}
        write_bundle(figure, Caption("x"), "x", tmp_path / "x", ICML)
    assert broken(tmp_path / "x.pdf") == set()
    with pikepdf.open(tmp_path / "x.pdf") as document:
        content = content_of(document.pages[0])
    assert drawn <= {round(piece.size, 2) for piece in content.texts}
    assert min(piece.size for piece in content.texts) < min(drawn)  # its exponents
    assert [round(image.dots_per_inch) for image in content.images] == [300]


def test_sizes_are_those_that_pypdf_reads(tmp_path):
    found = []

    def visit(text, cm, tm, font, size):
        if text.strip():
            found.append(round(size * np.hypot(tm[2], tm[3]) * np.hypot(cm[2], cm[3]), 2))

    def draw(axes):
        axes.set_title("one", fontsize=11)
        axes.set_ylabel("two", fontsize=9)

    saved(tmp_path / "x.pdf", draw, **{"pdf.fonttype": 42, "font.size": 8})
    pypdf.PdfReader(tmp_path / "x.pdf").pages[0].extract_text(visitor_text=visit)
    with pikepdf.open(tmp_path / "x.pdf") as document:
        read = {round(piece.size, 2) for piece in content_of(document.pages[0]).texts}
    assert read == set(found) == {8, 9, 11}


def test_matplotlib_without_settings_is_refused_for_its_fonts(tmp_path):
    saved(tmp_path / "x.pdf", lines({}, {"linestyle": "--"}))
    assert broken(tmp_path / "x.pdf") == {"font-type"}


def test_tick_labels_below_the_least_size_are_no_exponents(tmp_path):
    saved(tmp_path / "x.pdf", lines({}), **{"pdf.fonttype": 42, "xtick.labelsize": 4})
    assert broken(tmp_path / "x.pdf") == {"font-size"}


def test_page_that_is_too_wide_and_too_high(tmp_path):
    assert broken(written(tmp_path / "x.pdf", "", width=240, height=700)) == {
        "page-width",
        "page-height",
    }


@pytest.mark.parametrize(("scale", "size"), [("1 0 0 1 0 0 cm", 10), ("0 .5 -.5 0 90 9 cm", 5)])
def test_text_by_hand(tmp_path, scale, size):
    stream = f"q {scale} BT /F1 20 Tf .5 0 0 .5 9 9 Tm (text) Tj 0 -9 Td 3 Tr (unseen) Tj ET Q"
    written(tmp_path / "x.pdf", stream, Font={"F1": helvetica})
    with pikepdf.open(tmp_path / "x.pdf") as document:
        pieces = content_of(document.pages[0]).texts
    assert [piece.size for piece in pieces] == pytest.approx([size])
    assert broken(tmp_path / "x.pdf") == {"embedding"} | ({"font-size"} if size == 5 else set())


@pytest.mark.parametrize(
    ("raised", "legal"),
    [("4 Ts", True), ("ET BT /F1 4 Tf 16.5 12 Td", True), ("ET BT /F1 4 Tf 80 50 Td", False)],
)
def test_a_small_text_is_legal_where_a_superscript_stands(tmp_path, raised, legal):
    stream = f"BT /F1 8 Tf 9 9 Td (ab) Tj /F1 4 Tf {raised} (2) Tj ET"
    written(tmp_path / "x.pdf", stream, Font={"F1": helvetica})
    assert ("font-size" not in broken(tmp_path / "x.pdf")) == legal


@pytest.mark.parametrize(("pixels_across", "passes"), [(299, False), (300, True)])
def test_an_inch_of_image_needs_300_pixels(tmp_path, pixels_across, passes):
    stream = "q 72 0 0 72 10 10 cm /I Do Q"
    written(tmp_path / "x.pdf", stream, XObject={"I": pixels(pixels_across, 400)})
    assert broken(tmp_path / "x.pdf") == (set() if passes else {"resolution"})


# Red and green of like lightness; in grey they are one.
RED, GREEN = {"color": "#CC0000"}, {"color": "#006000"}


@pytest.mark.parametrize(
    ("one", "other", "told_apart"),
    [
        (RED, GREEN, False),
        (RED, GREEN | {"linestyle": "--"}, True),
        (RED | {"marker": "o"}, GREEN | {"marker": "s"}, True),
        (RED | {"marker": "o"}, GREEN | {"marker": "o"}, False),
        (RED | {"marker": "o", "linestyle": ""}, GREEN | {"marker": "o", "linestyle": ""}, False),
        ({"color": "#4477AA"}, {"color": "#CCBB44"}, True),
    ],
)
def test_colors_that_alone_tell_lines_apart(tmp_path, one, other, told_apart):
    saved(tmp_path / "x.pdf", lines(one, other), **{"pdf.fonttype": 42})
    assert broken(tmp_path / "x.pdf") == (set() if told_apart else {"colors"})


def test_colors_in_other_panels_and_transparent_bands_are_not_compared(tmp_path):
    with mpl.rc_context({"pdf.fonttype": 42}):
        figure, (left, right) = plt.subplots(1, 2, figsize=(3.25, 2))
        for axes, look in ((left, RED), (right, GREEN)):
            axes.plot([0, 1], [0, 1], **look)
        for look in (RED, GREEN):
            left.fill_between([0, 1], [0, 1], [1, 2], alpha=0.2, linewidth=0, **look)
        figure.savefig(tmp_path / "x.pdf")
        plt.close(figure)
    assert broken(tmp_path / "x.pdf") == set()


def test_bars_are_compared(tmp_path):
    # Bars that touch: their boxes meet.
    saved(tmp_path / "x.pdf", lambda axes: axes.bar([0, 1], 1, 1, color=["#CC0000", "#006000"]))
    assert "colors" in broken(tmp_path / "x.pdf")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_a_page_that_tex_has_set(tmp_path):
    (tmp_path / "x.tex").write_text(
        r"\documentclass[10pt]{article}\usepackage[paperwidth=3.25in,paperheight=2in,margin=9pt]"
        r"{geometry}\pagestyle{empty}\begin{document}Norms $x_{i_j}^{2^k}$ of layers.\end{document}"
    )
    subprocess.run(["pdflatex", "x.tex"], cwd=tmp_path, check=True, capture_output=True)
    assert "font-size" not in broken(tmp_path / "x.pdf")
    assert "page-width" not in broken(tmp_path / "x.pdf")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_text("no"), "x.pdf: not a PDF that can be read"),
        (lambda path: None, "x.pdf: no such file"),
    ],
)
def test_what_is_no_figure(tmp_path, make, message):
    make(tmp_path / "x.pdf")
    with pytest.raises(InputError, match=message):
        check_page(tmp_path / "x.pdf", ICML)


def test_command_prints_one_line_a_rule_and_exits_with_1(tmp_path):
    saved(tmp_path / "x.pdf", lines({}))
    command = [sys.executable, "-m", "gradient_atlas", "check-figure", tmp_path / "x.pdf"]

    def check(*words):
        environment = os.environ | {"PYTHONPATH": str(PROJECT / "src")}
        return subprocess.run([*command, *words], env=environment, capture_output=True, text=True)

    done = check("--venue", "icml", "--column", "half")
    assert done.returncode == 1
    assert [line.split()[1] for line in done.stdout.splitlines()] == RULES
    assert [line.split()[1] for line in done.stdout.splitlines() if line[0] == "F"] == ["font-type"]
    wrong = check("--venue", "icm")
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("error: style.venue: 'icm' is unknown; did you mean icml?")
