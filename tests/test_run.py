"""Runs and sweeps: what the config may say, and what it may not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradient_atlas.errors import InputError
from gradient_atlas.runs.feedforward import ACTIVATIONS, Run, format_run, parse_run
from gradient_atlas.runs.sweep import expand_sweep, sweep_points

numbers = st.floats(min_value=0, max_value=1e6, allow_nan=False)
runs = st.builds(
    Run,
    dataset=st.sampled_from(["digits", "mine"]),
    depth=st.integers(1, 200),
    width=st.integers(1, 2000),
    activation=st.sampled_from([*ACTIVATIONS, "my.module:swish"]),
    learning_rate=numbers,
    clip_norm=st.none() | st.floats(min_value=1e-3, max_value=1e3),
    residual=st.booleans(),
)


@given(runs)
def test_a_run_survives_its_text(run):
    assert parse_run(json.loads(format_run(run))) == run


@given(st.dictionaries(st.text(max_size=12), st.integers() | st.text(max_size=5) | st.none()))
def test_any_parameters_give_a_run_or_one_clear_line(parameters):
    try:
        assert isinstance(parse_run(parameters), Run)
    except InputError as error:
        assert "\n" not in str(error)
        assert any(key in str(error) or repr(key) in str(error) for key in [*parameters, "dataset"])


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"depht": 3}, ["depht", "did you mean depth"]),
        ({"depth": -1}, ["depth", "-1", "at least 1"]),
        ({"depth": "3"}, ["depth", "int"]),
        ({"depth": True}, ["depth", "int"]),
        ({"residual": 1}, ["residual", "bool"]),
        ({"activation": "rleu"}, ["activation", "rleu", "relu", "package.module:callable"]),
        ({"learning_rate": float("nan")}, ["learning_rate", "nan"]),
        ({"clip_norm": 0}, ["clip_norm", "above 0"]),
        ({"initialization": "normal"}, ["weight_std"]),
        ({"weight_std": 1.0}, ["weight_std"]),
        ({"precision": "half"}, ["precision", "float32, float64"]),
    ],
)
def test_a_wrong_parameter_is_named_with_what_would_be_right(parameters, words):
    with pytest.raises(InputError) as error:
        parse_run({"dataset": "digits"} | parameters)
    assert all(word in str(error.value) for word in words)


def test_a_sweep_is_each_variant_at_each_point_of_the_grid():
    sweep = {
        "base": {"dataset": "digits", "width": 7},
        "grid": {"activation": ["relu", "tanh"], "depth": [2, 3]},
        "variants": {"plain": {}, "wide": {"width": 9}},
        "seeds": [0],
    }
    expanded = expand_sweep("s", sweep)
    assert len(expanded) == 8
    assert expanded["variant=wide/activation=tanh/depth=3"] == Run(
        "digits", depth=3, width=9, activation="tanh"
    )
    assert [path for path, _, _ in sweep_points(sweep)] == list(expanded)
    assert list(expand_sweep("s", {"base": {"dataset": "digits"}, "seeds": [0]})) == ["run=all"]


@pytest.mark.parametrize(
    "sweep",
    [
        {"base": {"dataset": "digits"}, "grid": {"depth": [2, "x"]}},
        {"base": {"dataset": "digits"}, "grid": {"depth": [2]}, "variants": {"a": {"depth": 3}}},
        {"base": {"dataset": "digits"}, "grid": {"depth": [2, 2]}},
        {"grid": {"depth": [2]}},
    ],
)
def test_a_wrong_sweep_is_named(sweep):
    with pytest.raises(InputError, match=r"training\.sweeps\.mine"):
        expand_sweep("mine", sweep)
