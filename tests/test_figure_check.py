"""A figure made to break each rule is refused by the rule's name; a good one passes."""

import json
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest

from gradient_atlas.drawing.bundle import write_bundle
from gradient_atlas.drawing.caption import Caption
from gradient_atlas.drawing.check import Violation, check_figure, summary
from gradient_atlas.drawing.layout import Layout, layout_of
from gradient_atlas.drawing.style import COLORS, Style, look_of
from gradient_atlas.errors import InputError

STYLE = Style(venue="neurips", column="half")
PROJECT = Path(__file__).parents[1]


def drawn(change=lambda figure, axes: None):
    """Return a good figure after ``change`` has spoilt it."""
    figure, (axes,) = STYLE.new_figure(1)
    for position, name in enumerate(["sigmoid", "relu"]):
        axes.plot([1, 2, 3], [position, position + 1, position], label=name, **look_of(name))
    axes.set_xlabel(r"layer $\ell$")
    axes.set_ylabel(r"$\|\delta^{(\ell)}\|_2$")
    axes.set_title("(a) A title")
    figure.legend(loc="outside lower center", ncols=2)
    change(figure, axes)
    return figure


def rules_broken(tmp_path, change=lambda figure, axes: None, style=STYLE, **settings):
    with STYLE.applied():
        mpl.rcParams.update(settings)
        write_bundle(drawn(change), Caption("A caption."), "x", tmp_path / "x", STYLE)
    layout = Layout.from_json((tmp_path / "x.layout.json").read_text())
    return {violation.rule for violation in check_figure(tmp_path / "x.pdf", layout, style)}


def test_good_figure_passes(tmp_path):
    assert rules_broken(tmp_path) == set()


def test_page_of_another_width(tmp_path):
    assert rules_broken(tmp_path, style=Style("custom", width=2.753)) == {"page-width"}


def test_type_3_fonts(tmp_path):
    def change(figure, axes):
        axes.set(xlabel="layer", ylabel="norm")  # matplotlib cannot set STIX maths in Type 3

    assert rules_broken(tmp_path, change, **{"pdf.fonttype": 3}) == {"font-type"}


def test_another_family(tmp_path):
    assert rules_broken(tmp_path, **{"font.family": "DejaVu Sans"}) == {"font-family"}


def test_small_text(tmp_path):
    def change(figure, axes):
        axes.text(2, 0.5, "tiny", fontsize=5)

    assert rules_broken(tmp_path, change) == {"font-size"}


@pytest.mark.filterwarnings("ignore:Glyph")
def test_missing_glyph(tmp_path):
    assert "glyphs" in rules_broken(tmp_path, lambda figure, axes: axes.set_xlabel("\u4e2d"))


@pytest.mark.parametrize("clip", [False, True])
def test_text_cut_off_by_page_or_axes(tmp_path, clip):
    def change(figure, axes):
        place = (0.8, 0.5) if clip else (1.0, 0.5)
        text = axes.text(*place, "a long annotation", transform=axes.transAxes, clip_on=clip)
        text.set_in_layout(False)

    assert rules_broken(tmp_path, change) == {"clipped-text"}


def test_tick_labels_that_meet(tmp_path):
    def change(figure, axes):
        axes.set_xticks([1, 1.1, 2], ["one million", "two million", "three"])

    assert rules_broken(tmp_path, change) == {"overlapping-text"}


def test_turned_texts_side_by_side_pass(tmp_path):
    def change(figure, axes):
        for x in (1.2, 2.0):
            axes.text(x, 0.2, "inclined words", rotation=40)

    assert rules_broken(tmp_path, change) == set()


def test_turned_texts_that_cross(tmp_path):
    def change(figure, axes):
        for angle in (30, -30):
            axes.text(2, 0.5, "inclined words", rotation=angle, ha="center", va="center")

    assert rules_broken(tmp_path, change) == {"overlapping-text"}


def test_label_off_the_axis_is_not_drawn(tmp_path):
    def change(figure, axes):
        axes.set_xticks([1, 2, 3, 30, 30.1], ["1", "2", "3", "far off", "far off"])
        axes.set_xlim(1, 3)

    assert rules_broken(tmp_path, change) == set()


def test_legend_on_data(tmp_path):
    def change(figure, axes):
        figure.legends[0].remove()
        axes.legend(loc="center")

    assert rules_broken(tmp_path, change) == {"legend"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (COLORS["blue"], "#4478AA"),  # to anybody
        ("#CC0000", "#006000"),  # red and green of like lightness, in grey or to the colour-blind
    ],
)
def test_colors_alone_do_not_tell_apart(tmp_path, one, other):
    def change(figure, axes):
        for line, color in zip(axes.lines, (one, other), strict=True):
            line.set(color=color, linestyle="-", marker="")

    def change_with_dashes(figure, axes):
        change(figure, axes)
        axes.lines[1].set_linestyle("--")

    assert rules_broken(tmp_path, change) == {"colors"}
    assert rules_broken(tmp_path, change_with_dashes) == set()


def test_layout_survives_json():
    with STYLE.applied():
        layout = layout_of(drawn())
    again = Layout.from_json(layout.to_json())
    assert again.to_json() == layout.to_json()
    assert {"layer $\\ell$", "(a) A title", "sigmoid", "relu"} <= {t.text for t in again.texts}


def test_not_a_pdf(tmp_path):
    (tmp_path / "x.pdf").write_text("no")
    with STYLE.applied():
        layout = layout_of(drawn())
    with pytest.raises(InputError, match="not a PDF"):
        check_figure(tmp_path / "x.pdf", layout, STYLE)


def test_one_line_says_each_rule_and_no_detail_twice():
    broken = [Violation("a", str(n % 5)) for n in range(10)] + [Violation("b", "x")]
    assert summary(broken) == "a: 0; 1; 2; and 2 more | b: x"


def test_script_fails_with_one_line(tmp_path):
    rules_broken(tmp_path)
    command = [sys.executable, PROJECT / "src/check_figure.py", tmp_path / "x.pdf"]
    command += ["--layout", tmp_path / "x.layout.json", "--output", tmp_path / "checks/x.txt"]
    style = {"venue": "neurips", "column": "half", "pgf": False}
    good = subprocess.run([*command, "--style", json.dumps(style)], capture_output=True, text=True)
    assert (good.returncode, good.stderr) == (0, "x.pdf: all rules hold\n")
    assert (tmp_path / "checks/x.txt").read_text() == "x.pdf: all rules hold\n"
    wide = json.dumps(style | {"column": "full"})
    bad = subprocess.run([*command, "--style", wide], capture_output=True, text=True)
    assert bad.returncode == 1
    assert bad.stderr == "error: x.pdf: page-width: 198.00 pt, the column has 396.00 pt\n"
