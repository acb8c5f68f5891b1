"""How scripts take the config: JSON objects as text or as a file, refused by the option's name."""

from command_line import Json, json_object

import argparse
import json

import pytest

from gradient_atlas.errors import InputError

SETTINGS = {"runs": [{"dataset": "digits", "depth": 4}]}


def test_an_object_is_read_from_text_and_from_a_file(tmp_path):
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(SETTINGS))
    parser = argparse.ArgumentParser()
    parser.add_argument("--settings", action=Json)
    for value in (json.dumps(SETTINGS), str(file)):
        assert parser.parse_args(["--settings", value]).settings == SETTINGS


@pytest.mark.parametrize("text", ["[1, ", "nowhere.json", "[1]", "", "9" * 5000, "[" * 100_000])
def test_what_is_no_object_is_refused_in_one_line(text):
    with pytest.raises(InputError, match="--settings") as error:
        json_object(text, "--settings")
    assert "\n" not in str(error.value)
