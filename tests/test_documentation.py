"""What the documentation lists is what there is."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gradient_atlas.drawing.style import Style
from gradient_atlas.drawing.venues import VENUES
from gradient_atlas.runs.feedforward import Run
from gradient_atlas.runs.network import NetworkRun
from gradient_atlas.runs.recurrent import RecurrentRun

PROJECT = Path(__file__).parents[1]
CONFIG_README = (PROJECT / "config/README.md").read_text()


def keys_of(schema):
    for key, value in schema.get("properties", {}).items():
        yield key
        yield from keys_of(value)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from keys_of(schema["additionalProperties"])


def documented():
    """Every word that stands in backquotes, dotted names taken apart; code blocks left out."""
    text = re.sub(r"```.*?```", "", CONFIG_README, flags=re.DOTALL)
    return {w for quoted in re.findall(r"`([^`]+)`", text) for w in re.findall(r"\w+", quoted)}


@pytest.mark.parametrize(
    "what", ["schema", "runs", "recurrent runs", "network runs", "style", "venues"]
)
def test_every_key_of_the_config_is_explained(what):
    schema = yaml.safe_load((PROJECT / "workflow/schemas/config.schema.yaml").read_text())
    names = {
        "schema": set(keys_of(schema)) | set(keys_of(schema["$defs"]["sweep"])),
        "runs": {field.name for field in dataclasses.fields(Run)},
        "recurrent runs": {field.name for field in dataclasses.fields(RecurrentRun)},
        "network runs": {field.name for field in dataclasses.fields(NetworkRun)},
        "style": {field.name for field in dataclasses.fields(Style)},
        "venues": set(VENUES),
    }[what]
    assert names <= documented(), names - documented()


def test_the_page_about_tables_is_what_the_schemas_say():
    script = PROJECT / "src/describe_tables.py"
    page = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert page.stdout == (PROJECT / "results/README.md").read_text()
