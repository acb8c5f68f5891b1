"""The three files that name the environment say the same."""

import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parents[1]


def pins(lines):
    requirements = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name): str(r.specifier) for r in requirements}


def test_requirements_and_environment_hold_the_pins_of_pyproject():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    needed = pins(project["dependencies"])
    text = (PROJECT / "requirements.txt").read_text().splitlines()
    locked = pins(line for line in text if not line.startswith("#"))
    environment = yaml.safe_load((PROJECT / "environment.yml").read_text())["dependencies"]
    conda = pins(next(entry["pip"] for entry in environment if isinstance(entry, dict)))

    assert all(specifier.startswith("==") for specifier in (needed | locked).values())
    # What the workflow's rules run in: the library's needs, and those of the site.
    assert conda == needed | pins(project["optional-dependencies"]["site"])
    assert (conda | pins(project["optional-dependencies"]["test"])).items() <= locked.items()
