"""The config: defaults completed, every misspelt key refused before any work starts."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from configuration import complete
from gradient_atlas.errors import InputError
from gradient_atlas.runs.sweep import expand_sweep

PROJECT = Path(__file__).parents[1]
DEFAULTS = PROJECT / "config/config.yaml"
SCHEMA = PROJECT / "workflow/schemas/config.schema.yaml"


def completed(given):
    return complete(given, DEFAULTS, SCHEMA)


@pytest.mark.parametrize("name", ["config", "smoke", "paper"])
def test_each_config_of_the_project_is_right(name):
    config = completed(yaml.safe_load((PROJECT / f"config/{name}.yaml").read_text()))
    assert all(expand_sweep(*sweep) for sweep in config["training"]["sweeps"].items())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"figurs": []}, ["figurs", "did you mean figures"]),
        ({"style": {"venu": "icml"}}, ["style.venu", "did you mean venue"]),
        ({"training": {"sweeps": {"mine": {"sed": [1]}}}}, ["training.sweeps.mine"]),
        (
            {"training": {"sweeps": {"mine": {"seeds": [0], "base": {"depht": 3}}}}},
            ["training.sweeps.mine", "depht", "did you mean depth"],
        ),
        (
            {"training": {"sweeps": {"mine": {"seeds": [0, 0]}}}},
            ["training.sweeps.mine.seeds", "different"],
        ),
        ({"strict": "maybe"}, ["strict", "true or false"]),
        ({"datasets": {"mine": "data.csv"}}, ["datasets.mine", "npz"]),
        ({"figures": ["training_loss", "training_loss"]}, ["figures", "each once"]),
        ({"style": {"venue": "nips"}}, ["style.venue", "did you mean neurips"]),
        ({"style": {"width": 3.5}}, ["style.width", "venue: custom"]),
        ({"style": {"venue": "custom", "width": "wide"}}, ["style.width", "'wide'"]),
        (
            {"training": {"sweeps": {"exploding_training": {"base": {"training_examples": 4001}}}}},
            ["exploding_training (variant=relu_1).training_examples: 4001", "mnist_5k has 4000"],
        ),
        (
            {"dynamics": {"sharpness": {"dataset": "mnist", "examples": 60001}}},
            ["dynamics.sharpness.examples: 60001", "mnist has 60000"],
        ),
        (
            {"dynamics": {"flow": {"network": {"examples": 1439}}}},
            ["dynamics.flow.network.examples: 1439", "digits has 1438"],
        ),
        (
            {"dynamics": {"central_flow": {"dataset": "digit"}}},
            ["dynamics.central_flow.dataset: 'digit'", "did you mean digits"],
        ),
        ({"datasets": {"mnist": "a.npz"}}, ["datasets.mnist", "taken"]),
        (
            {"datasets": {"a": "no.npz"}, "dynamics": {"central_flow": {"dataset": "a"}}},
            ["no.npz: no such file"],
        ),
        ({"recurrent": {"base": {"cel": "gru"}}}, ["recurrent", "did you mean cell"]),
    ],
)
def test_a_wrong_key_is_named_with_what_would_be_right(given, words):
    with pytest.raises(InputError) as error:
        completed(given)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_of_ones_own_is_refused_when_it_has_fewer_rows_than_are_asked_for(tmp_path):
    labels = np.repeat(np.arange(7), 13)  # a class keeps 13 - 3 = 10 rows for training
    file = tmp_path / "mine.npz"
    np.savez(file, images=np.zeros((len(labels), 5, 4), np.uint8), labels=labels)
    network = {"dataset": "mine", "examples": 70}
    given = {"datasets": {"mine": str(file)}, "dynamics": {"central_flow": network}}
    assert completed(given)["dynamics"]["central_flow"]["examples"] == 70
    network["examples"] = 71
    with pytest.raises(InputError, match=r"central_flow\.examples: 71 is wrong; mine has 70"):
        completed(given)


def test_reading_a_config_imports_no_torch():
    program = (
        "import sys; sys.path[:0] = ['src', 'workflow']; from pathlib import Path; "
        "from configuration import complete; "
        "complete({}, Path('config/config.yaml'), Path('workflow/schemas/config.schema.yaml')); "
        "assert not {'torch', 'torchvision', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=PROJECT, check=True)


def test_what_is_given_overrides_key_by_key():
    default = yaml.safe_load(DEFAULTS.read_text())
    config = completed({"style": {"venue": "icml"}, "strict": "true"})
    assert config["strict"] is True
    assert config["style"] == default["style"] | {"venue": "icml"}
    assert config["training"] == default["training"]


def test_a_network_by_name_takes_the_place_of_hidden_widths():
    named = {"architecture": "conv", "architecture_options": {"depth": 2}}
    for place in (["sharpness"], ["central_flow"], ["flow", "network"]):
        given = named
        for key in reversed(["dynamics", *place]):
            given = {key: given}
        part = completed(given)
        for key in ["dynamics", *place]:
            part = part[key]
        assert part["architecture"] == "conv" and "hidden_widths" not in part
    assert "hidden_widths" in completed({})["dynamics"]["sharpness"]


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"architecture": "cnn"}, ["dynamics.sharpness", "architecture: 'cnn' is wrong"]),
        (
            {"architecture": "conv", "architecture_options": {"dept": 3}},
            ["dynamics.sharpness", "did you mean depth"],
        ),
        (
            {"architecture": "mlp", "architecture_options": {"activation": "relu"}},
            ["dynamics.sharpness.architecture_options.activation", "activations"],
        ),
        ({"architecture_options": {"depth": 3}}, ["dynamics.sharpness", "an architecture"]),
        ({"architecture": "no_such_module:build"}, ["dynamics.sharpness", "no_such_module"]),
    ],
)
def test_a_wrong_network_of_the_dynamics_is_refused(section, words):
    with pytest.raises(InputError) as caught:
        completed({"dynamics": {"sharpness": section}})
    assert all(word in str(caught.value) for word in words), caught.value


def test_a_network_of_one_s_own_must_take_the_activations_that_it_is_given(tmp_path, monkeypatch):
    (tmp_path / "without.py").write_text("def build(input_shape, classes, *, width=3): ...\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"sharpness: architecture_options.activation"):
        completed({"dynamics": {"sharpness": {"architecture": "without:build"}}})


def test_null_takes_a_default_sweep_away():
    name = next(iter(completed({})["training"]["sweeps"]))
    assert name not in completed({"training": {"sweeps": {name: None}}})["training"]["sweeps"]


@example({"mirror": "["})
@example({"figures": "\x99"})
@example({"strict": "0_"})
@given(st.dictionaries(st.text(max_size=8), st.none() | st.integers() | st.text(max_size=4)))
def test_any_mapping_is_a_config_or_one_clear_line(given):
    try:
        completed(given)
    except InputError as error:
        assert str(error).startswith("config")
