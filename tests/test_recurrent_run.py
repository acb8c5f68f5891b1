"""Which recurrent runs may be asked for, and what is told about a wrong one."""

import math

import pytest

from gradient_atlas.errors import InputError
from gradient_atlas.networks import recurrent
from gradient_atlas.runs.recurrent import CELLS, RecurrentRun, parse_recurrent_run
from gradient_atlas.runs.sweep import expand_runs


@pytest.mark.parametrize(
    "mapping",
    [
        {"cell": "elman"},
        {"gate_bias": 1.0},
        {"cell": "gru", "gate_bias": "long"},
        {"sequence_length": 1},
        {"steps": 1.5},
        {"clip_norm": 0},
        {"learning_rate": math.nan},
        {"optimizer": "lars"},
        {"hiden_size": 3},
        {"recurrent_initialization": "xavier"},
    ],
)
def test_wrong_runs_are_refused(mapping):
    with pytest.raises(InputError, match=next(reversed(mapping))):
        parse_recurrent_run(mapping)


def test_every_cell_and_variant_can_be_asked_for():
    assert tuple(recurrent.GATES) == CELLS
    sweep = {"base": {"steps": 2}, "variants": {"a": {"cell": "gru", "gate_bias": 1}, "b": {}}}
    runs = expand_runs("recurrent", sweep, parse_recurrent_run)
    assert runs["variant=a"] == RecurrentRun(cell="gru", gate_bias=1, steps=2)
    assert runs["variant=b"].cell == "rnn"
    with pytest.raises(InputError, match=r"variant=a.*gate_bias"):
        expand_runs("recurrent", {"variants": {"a": {"cell": "lstm"}}}, parse_recurrent_run)
