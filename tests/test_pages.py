"""A figure that cannot fit its page is refused when the config is read."""

from pathlib import Path

import pytest

from configuration import check_panels, complete
from gradient_atlas.drawing.style import Style
from gradient_atlas.errors import InputError
from pages import check_pages, least_caption, sheet

PROJECT = Path(__file__).parents[1]
FIGURES = PROJECT / "src/figures"


def config_of(**given):
    schema = PROJECT / "workflow/schemas/config.schema.yaml"
    return complete(given, PROJECT / "config/config.yaml", schema)


@pytest.mark.parametrize("venue", ["neurips", "icml", "jmlr", "ieee", "elsevier"])
def test_the_whole_default_fits_the_full_width(venue):
    config = config_of()
    check_pages(config, FIGURES, config["figures"], Style(venue))


@pytest.mark.parametrize("venue", ["neurips", "icml"])
@pytest.mark.parametrize("figure", ["remedies", "exploding_gradients"])
def test_what_cannot_fit_half_a_column_is_refused_with_what_would(figure, venue):
    style = Style(venue, "half")
    with pytest.raises(InputError) as refused:
        check_pages(config_of(), FIGURES, [figure], style)
    said = str(refused.value)
    assert "\n" not in said
    for word in (figure, venue, "column: half", "take column: full", f"panels: {{{figure}: [a]}}"):
        assert word in said
    check_pages(config_of(panels={figure: ["a"]}), FIGURES, [figure], style)


def test_panels_that_a_figure_does_not_have():
    config = config_of(panels={"remedies": ["a", "g"]})
    with pytest.raises(InputError, match=r"panels\.remedies: g: no such panel; it has a to c"):
        check_pages(config, FIGURES, ["remedies"], Style())
    with pytest.raises(InputError, match=r"panels\.remedie: .*did you mean remedies\?"):
        check_panels({"remedie": ["a"]}, ["remedies", "training_loss"])


def test_the_panels_follow_the_config():
    sharpness = {"sharpness": {"activations": ["tanh"]}}
    config = config_of(dynamics=sharpness)
    assert sheet(config, FIGURES / "edge_of_stability.py", Style())[0] == 3
    for named, panels in ((["standard"], 3), (["standard", "maximal_update"], 4)):
        config = config_of(dynamics={"width": {"parametrizations": named}})
        assert sheet(config, FIGURES / "width_and_learning_rate.py", Style())[:2] == (panels, 2)
    sweeps = {"dying_relu": {"grid": {"learning_rate": [0.1, 0.2, 0.3]}}}
    config = config_of(training={"sweeps": sweeps})
    assert sheet(config, FIGURES / "dying_relu.py", Style())[:2] == (6, 3)


def test_words_that_only_some_tables_bring_are_not_counted(tmp_path):
    (tmp_path / "x.py").write_text(
        'def caption(tables):\n    """No word."""\n    text = f"Always {tables} here. "\n'
        '    if tables:\n        text += "Now and then. "\n    return text + only("a", "Of a. ")\n'
    )
    assert least_caption(tmp_path / "x.py") == "Always  here. "
