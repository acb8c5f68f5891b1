"""Panels taken alone: what is drawn, and what is said, of them only."""

import importlib
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot as plt

import tables_of_dynamics
import tables_of_ensembles
import tables_of_networks
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.figure_style import style_of
from gradient_atlas.drawing.layout import layout_of
from gradient_atlas.drawing.page import is_left_out
from gradient_atlas.drawing.panels import chosen_text, letter, only, whole
from gradient_atlas.drawing.style import Style, label_panels
from gradient_atlas.errors import InputError

PROJECT = Path(__file__).parents[1]
FIGURES = yaml.safe_load((PROJECT / "config/config.yaml").read_text())["figures"]
HALF = Style("icml", "half")


@cache
def tables_of(figure):
    made = (tables_of_networks, tables_of_dynamics, tables_of_ensembles)
    make = next(getattr(one, figure) for one in made if hasattr(one, figure))
    return next(iter(make()))


@cache
def panels_of(figure):
    """How many panels a figure has."""
    style = Style()
    with style.applied():
        drawn = importlib.import_module(f"figures.{figure}").draw(tables_of(figure), style)
        plt.close(drawn)
    return sum(axes.get_title(loc="left") != "" for axes in drawn.axes)


def test_only_what_speaks_of_the_chosen_stays_and_takes_their_new_letters():
    text = "All. " + only("a", "(a) One. ") + only("bc", "(b), (c) Two. ") + only("c", "(c) $(c)$.")
    assert whole(text) == "All. (a) One. (b), (c) Two. (c) $(c)$."
    assert chosen_text(text, ["c"]) == "All. Two. $(c)$."
    assert chosen_text(text, ["a", "c"]) == "All. (a) One. (b) Two. (b) $(c)$."


@given(st.sets(st.sampled_from("abcdef"), min_size=1))
def test_a_range_of_letters_names_those_that_are_left(chosen):
    named = re.findall(r"\(([a-z])\)", chosen_text("(b)–(e) Some.", sorted(chosen)))
    expected = [letter(i) for i, old in enumerate(sorted(chosen)) if old in "bcde"]
    expected = expected if len(chosen) > 1 else []
    assert named == (expected if len(expected) < 3 else [expected[0], expected[-1]])


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("All. (a) Loss. Next.", "All. Loss. Next."),
        ("(a): share of units.", "Share of units."),
        ("With its rate: (a) tanh 0.1.", "With its rate: tanh 0.1."),
        ("A flat line in (a) is no proof; in (a) seed 0.", "A flat line is no proof; seed 0."),
    ],
)
def test_a_single_panel_has_no_letter(text, alone):
    assert chosen_text(text, ["a"]) == alone


def test_numbers_of_other_panels_go_with_them():
    text = "[[all]]. " + only("a", "[[one]] and [[both]]. ") + only("b", "[[both]].")
    numbers = {name: Number(1.0) for name in ("all", "one", "both", "unsaid")}
    assert set(Caption(text, numbers).of_panels(["b"]).numbers) == {"all", "both", "unsaid"}


@pytest.mark.parametrize("figure", FIGURES)
def test_caption_of_each_panel_names_no_other(figure):
    caption = importlib.import_module(f"figures.{figure}").caption(tables_of(figure))
    count = panels_of(figure)
    letters = [letter(position) for position in range(max(count, 1))]
    assert set(re.findall(r"\(([a-z])\)", re.sub(r"\$[^$]*\$", "", caption.plain()))) <= {*letters}
    if count > 1:
        assert "\x01" in caption.text, "nothing is said of any panel alone"
    for name in letters:
        alone = caption.of_panels([name])
        words = re.sub(r"\$[^$]*\$", "X", alone.plain())
        assert not re.findall(r"\([a-z]\)", words)
        assert not re.search(r"\(\)|[:;,] ?\.|\.[A-Z]|\. [,;:]| [,;:.]|^[:;,.]", words), words
        assert set(alone.numbers) <= set(caption.numbers)


@pytest.mark.parametrize("figure", [f for f in FIGURES if f not in ("initialization_map",)])
def test_last_panel_alone(figure):
    last = letter(max(panels_of(figure) - 1, 0))
    style = style_of(HALF, figure, [last])
    with style.applied():
        drawn = importlib.import_module(f"figures.{figure}").draw(tables_of(figure), style)
        layout = layout_of(drawn)
        plt.close(drawn)
    assert not [text.text for text in layout.texts if re.match(r"\([a-z]\)", text.text)]
    assert not any(is_left_out(axes) for axes in drawn.axes)
    assert layout.height <= 4.7 * 72


def test_a_panel_that_has_lost_its_neighbour_gets_the_label_of_their_axis():
    style = style_of(HALF, "x", ["b", "d"])
    with style.applied():
        figure, axes = style.new_figure(4, columns=2)
        axes[0].set_ylabel("upper")
        label_panels(axes, ["one", "two", "three", "four"])
    shown = figure.axes
    assert [panel.get_title(loc="left") for panel in shown] == ["(a) two", "(b) four"]
    assert [panel.get_ylabel() for panel in shown] == ["upper", ""]
    plt.close(figure)


def test_legend_of_panels_that_are_left_out_goes_with_them():
    for wanted, expected in (["a", 1], ["b", 0]):
        style = style_of(HALF, "x", [wanted])
        with style.applied():
            figure, (first, _) = style.new_figure(2)
            first.plot([0, 1], [0, 1], label="line", color="red")
            figure.legend(*first.get_legend_handles_labels(), ncols=2)
        assert len(figure.legends) == expected
        plt.close(figure)


def test_a_panel_that_does_not_exist():
    with pytest.raises(InputError, match=r"panels\.x: d: no such panel; it has a to c"):
        style_of(HALF, "x", ["d"]).new_figure(3)


def test_script_draws_the_panels_alone_with_their_macros(tmp_path):
    from gradient_atlas.tables import files
    from gradient_atlas.tables.schemas import theory

    tables = tables_of("activation_derivatives")
    for name, key in (("activations", "activations"), ("linear_chain", "chain")):
        schema = {"activations": theory.ACTIVATIONS, "linear_chain": theory.LINEAR_CHAIN}[name]
        files.write(schema, tables[key], tmp_path / f"theory/{name}/part.parquet", {})
    command = [sys.executable, PROJECT / "src/draw_figure.py", "activation_derivatives"]
    command += ["--tables", json.dumps({"activations": "theory/activations",
                                        "chain": "theory/linear_chain"})]  # fmt: skip
    command += ["--results", tmp_path, "--panels", "c", "--output", tmp_path / "x"]
    subprocess.run(command, check=True)
    tex = (tmp_path / "x.tex").read_text()
    assert "A chain" in tex and "(a)" not in tex
    assert "DerivativesLayers" in tex
    assert "DerivativesSigmoid" not in tex


@pytest.mark.parametrize(("panel", "absent"), [("a", "beta"), ("b", "theory")])
def test_finite_width_names_no_line_that_a_panel_does_not_have(panel, absent):
    style = style_of(HALF, "finite_width", [panel])
    with style.applied():
        drawn = importlib.import_module("figures.finite_width").draw(
            tables_of("finite_width"), style
        )
    (legend,) = drawn.legends
    labels = " ".join(text.get_text() for text in legend.get_texts())
    assert absent not in labels and "n = " in labels
    plt.close(drawn)
