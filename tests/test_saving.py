"""A figure that is saved quickly has the bytes of one that is saved as matplotlib does it."""

import collections
from contextlib import nullcontext

import numpy as np
import pytest
from matplotlib import pyplot as plt

from gradient_atlas.drawing import saving
from gradient_atlas.drawing.layout import layout_of
from gradient_atlas.drawing.saving import saved_quickly
from gradient_atlas.drawing.style import Style, label_panels


def lines(style):
    """Ticks that are formulas, a legend whose place is looked for, one above the panels."""
    figure, axes = style.new_figure(2, sharey=True)
    for place, panel in enumerate(axes):
        panel.loglog([1, 10, 100], [1e-3, 1, 10 ** (place + 4)], label=r"$\eta = 2\times 10^{-1}$")
        panel.set(xlabel=r"layer $\ell$", ylabel=r"$\|\partial L/\partial W^{(\ell)}\|_2$")
    label_panels(axes, ["Standard", "Recommended"])
    axes[0].legend(loc="best")
    axes[1].annotate("all coincide", (0.5, 1), xycoords=("axes fraction", "data"), rotation=30)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center")
    return figure


def image(style):
    """An image with a colour bar, and marks that are drawn as pixels."""
    figure, (axes,) = style.new_figure(1)
    shown = axes.imshow(np.arange(12.0).reshape(3, 4), aspect="auto")
    figure.colorbar(shown, label="decades")
    axes.plot([0, 1, 2], [0, 1, 2], "x", rasterized=True)
    return figure


def unplanned(style):
    """Without a layout engine, as a user's own figure may come."""
    figure = plt.figure(layout="none")
    figure.add_subplot().plot([1, 2], label="$x$")
    return figure


@pytest.mark.parametrize("venue", ["neurips", "icml"])
@pytest.mark.parametrize("drawn", [lines, image, unplanned])
def test_bytes_and_layout_are_matplotlib_s(tmp_path, drawn, venue):
    nothing_timed = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}
    found = collections.defaultdict(list)
    for way in (nullcontext, saved_quickly, saved_quickly):
        style = Style(venue)
        with style.applied():
            figure = drawn(style)
            with way(figure) if way is saved_quickly else way():
                for ending, facts in nothing_timed.items():
                    path = tmp_path / f"figure.{ending}"
                    figure.savefig(path, metadata=facts, dpi=200 if ending == "png" else 300)
                    found[ending].append(path.read_bytes())
                found["layout"].append(layout_of(figure).to_json())
            plt.close(figure)
    assert len(found) == 4
    for ending, (plain, *quick) in found.items():
        assert quick == [plain, plain], ending


def test_no_formula_is_read_twice_and_nothing_stays_changed(tmp_path, monkeypatch):
    read = collections.Counter()
    parse = saving._parse
    before = saving._Parser._parse_cached

    def counted(parser, *formula):
        read[(parser._output_type, *formula)] += 1
        return parse(parser, *formula)

    monkeypatch.setattr(saving, "_parse", counted)
    saving._parsed.cache_clear()
    style = Style()
    with style.applied():
        figure = lines(style)
        with saved_quickly(figure):
            for ending in ("pdf", "svg", "png"):
                figure.savefig(tmp_path / f"figure.{ending}")
    assert set(read.values()) == {1}
    assert any("eta" in key[1] for key in read)
    assert saving._Parser._parse_cached is before
    assert "draw" not in vars(figure)


def test_a_formula_in_other_fonts_is_another():
    prop = None
    key = ("$x$", 72.0, prop, True, saving.mpl.ft2font.LoadFlags.NO_HINTING)
    parser = saving._Parser("path")
    with saving.mpl.rc_context({"mathtext.fontset": "dejavusans"}):
        one = saving._parse_once(parser, *key)
    with saving.mpl.rc_context({"mathtext.fontset": "stix"}):
        other = saving._parse_once(parser, *key)
    assert one.width != other.width
