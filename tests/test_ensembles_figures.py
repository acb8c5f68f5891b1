"""The figures about random networks, drawn from made-up tables."""

import importlib

import pytest

import tables_of_ensembles
from gradient_atlas.drawing.style import Style

NAMES = ["jacobian_spectrum", "finite_width", "phase_diagram", "half_precision"]


def drawn(name, tables, style):
    module = importlib.import_module(f"figures.{name}")
    with style.applied():
        figure = module.draw(tables, style)
        figure.draw_without_rendering()
    return module.caption(tables).plain()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "style", [Style(), Style(venue="icml", column="half")], ids=["full", "half"]
)
def test_it_draws_with_its_caption(name, style):
    text = drawn(name, next(getattr(tables_of_ensembles, name)()), style)
    assert "not measured" not in text
    assert "[[" not in text


@pytest.mark.parametrize("name", NAMES)
def test_one_seed_is_drawn_too(name):
    *_, tables = getattr(tables_of_ensembles, name)()
    first = next(iter(tables.values()))
    assert first.seed.nunique() == 1
    text = drawn(name, tables, Style())
    assert "nan" not in text
