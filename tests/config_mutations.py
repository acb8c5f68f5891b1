"""The default config made small, and changed in every value that it has.

Three whole configs. ``small``: the default at sizes that take seconds, with its rates, weights,
depths and names. ``other`` and ``third``: every number another one, every variant another name,
other data (seven classes of 6 x 6, five of 5 x 5). Equal values of one key stay equal, and larger
ones larger, so that the runs of a sweep keep what they have in common. ``single_changes`` changes
the small one in one place after the other.
"""

import copy
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

PROJECT = Path(__file__).parents[1]
Config = dict[str, Any]
Place = tuple[str | int, ...]

# Sizes as the small config has them; a key that is not here keeps the default's value.
SMALLER: dict[str, Any] = {
    "width": lambda value: max(4, round(2 * math.log2(value))),
    "epochs": lambda value: min(value, 1 if value < 6 else 2),
    "training_examples": lambda value: value if value is None else 160,
}
# Options of a named network's architecture; heads divide the width.
SMALLER_OPTIONS: dict[str, Any] = {
    "width": lambda value: value // 4,
    "channels": lambda value: 4,
    "blocks": lambda value: max(2, value // 3),
    "layers": lambda value: value // 2,
}
LONGEST_GRID = 4
SMALLER_DYNAMICS = {
    "flow": {
        "tolerance": {"relative": 1e-4, "absolute": 1e-6},
        "network": {
            "examples": 30,
            "hidden_widths": [4],
            "horizon": 1.5,
            "order": {"horizon": 0.5, "steps": [20, 40]},
        },
        "problems": {
            "quadratic": {"horizon": 0.7, "order": {"horizon": 0.5, "steps": [60, 120]}},
            "rosenbrock": {"horizon": 0.2, "order": {"steps": [100, 200]}},
        },
        "escapes": {
            "saddle": {"rates": 3},
            "overshoot": {"rates": 5},
            "valley": {"rates": 2, "horizon": 1.5},
        },
    },
    "central_flow": {"examples": 30, "hidden_widths": [6, 6]},
    "edges": {"examples": 30},
    "limits": {"examples": 30, "hidden_widths": [4]},
    "sharpness": {
        "examples": 40,
        "hidden_widths": [8, 8],
        "flow": {"horizon": 1.0, "points": 3, "tolerance": 1e-4},
    },
}
# Real numbers, also where the config writes them without a point.
REAL = (
    "sigma_w2",
    "spectrum",
    "start",
    "horizon",
    "largest_rate",
    "learning_rates",
    "learning_rate",
)
BELOW_ONE = ("momenta", "momentum", "second_momentum")
# What another value of a word would be.
WORDS = {
    "activation": {"relu": "gelu", "sigmoid": "tanh", "tanh": "sigmoid"},
    "initialization": {"he": "xavier", "xavier": "orthogonal", "standard": "he"},
    "optimizer": {"sgd": "lars", "lars": "lamb", "lamb": "sgd", "adam": "sgd"},
    "normalization": {"batch_norm": "layer_norm", "layer_norm": "batch_norm"},
    "precision": {"float64": "float32", "float32": "float64"},
    "cell": {"lstm": "gru", "gru": "lstm"},
    "method": {"Radau": "DOP853", "DOP853": "Radau"},
    "recurrent_initialization": {"orthogonal": "standard"},
}
OPTIONAL = ("training_examples", "clip_norm", "max_steps")


def read(name: str) -> Config:
    """A config file of the project, as it stands."""
    return yaml.safe_load((PROJECT / f"config/{name}.yaml").read_text())


def merged(default: Any, given: Any) -> Any:
    """The workflow's way of laying one config over another."""
    from configuration import _merged

    return _merged(default, given)


def overlay(default: Any, wanted: Any) -> Any:
    """What must be given for the workflow, merging it with the default, to have ``wanted``."""
    if not (isinstance(default, dict) and isinstance(wanted, dict)):
        return copy.deepcopy(wanted)
    gone = {key: None for key in default if key not in wanted}
    return gone | {key: overlay(default.get(key), value) for key, value in wanted.items()}


def small(config: Config, data: Mapping[str, Path], name: str = "glyphs") -> Config:
    """``config`` at sizes that take seconds, on the made-up data set ``name``.

    The sweeps keep variants and grids (long ones thinned); recurrent and dynamics take the sizes of
    config/smoke.yaml and keep their variants.
    """
    smoke = _without_nulls(read("smoke"))
    config = copy.deepcopy(config)
    for section in ("recurrent", "ensembles", "dynamics"):
        config[section] = merged(config[section], smoke[section])
    config["dynamics"] = merged(config["dynamics"], SMALLER_DYNAMICS)
    for sweep in config["training"]["sweeps"].values():
        _shrink(sweep)
        sweep["seeds"] = sweep["seeds"][:2]
        sweep["grid"] = {key: _thinned(values) for key, values in (sweep.get("grid") or {}).items()}
        sweep["base"]["probe_examples"] = 32
    for sweep in config["networks"]["sweeps"].values():
        sweep["seeds"] = sweep["seeds"][:2]
        for place, value in list(leaves(sweep)):
            if "architecture_options" in place and key_of(place) in SMALLER_OPTIONS:
                put(sweep, place, SMALLER_OPTIONS[key_of(place)](value))
            elif key_of(place) in ("training_examples", "evaluation_examples", "max_steps"):
                put(sweep, place, min(value, 160 if "examples" in key_of(place) else 4))
    config["datasets"] = {key: str(file) for key, file in data.items()}
    return _with_data(config, name)


def _without_nulls(config: Any) -> Any:
    if not isinstance(config, dict):
        return config
    return {key: _without_nulls(value) for key, value in config.items() if value is not None}


def _shrink(section: Any) -> None:
    for place, value in list(leaves(section)):
        if smaller := SMALLER.get(key_of(place)):
            put(section, place, smaller(value))


def _thinned(values: list[Any]) -> list[Any]:
    if len(values) <= LONGEST_GRID:
        return values
    kept = np.linspace(0, len(values) - 1, LONGEST_GRID).round().astype(int)
    return [values[position] for position in kept]


def _with_data(config: Config, name: str) -> Config:
    config = copy.deepcopy(config)
    for place, _ in list(leaves(config)):
        if key_of(place) == "dataset":
            put(config, place, name)
    return config


def leaves(config: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value of a config that is neither mapping nor list, and its place."""
    items = config.items() if isinstance(config, dict) else enumerate(config)
    for key, value in items:
        if isinstance(value, dict | list):
            yield from leaves(value, (*place, key))
        else:
            yield (*place, key), value


def key_of(place: Place) -> str:
    """The parameter that a place is about: the last name in it, not a position in a list."""
    return next(str(part) for part in reversed(place) if isinstance(part, str))


def put(config: Any, place: Place, value: Any) -> None:
    """Set the value of a place."""
    *above, last = place
    for part in above:
        config = config[part]
    config[last] = value


def another_number(key: str, value: float, factor: float, more: int) -> float:
    """An unusual number in place of this one; larger numbers give larger ones."""
    if value == 0:
        return value
    if isinstance(value, int) and key not in REAL:
        return value + (more // 3 if key == "epochs" else more)
    if key in BELOW_ONE:
        factor = 1 / factor
    digits = 2 - math.floor(math.log10(abs(value)))
    return round(value * factor, digits)


def all_changed(config: Config, name: str, factor: float, more: int, seeds: list[int]) -> Config:
    """Every number another one, every variant renamed, on another data set, with other seeds."""
    config = copy.deepcopy(config)
    for place, value in list(leaves(_changing(config))):
        if key_of(place) != "seeds" and isinstance(value, int | float) and value is not True:
            # The heads of attention divide its width.
            step = 4 * more if "architecture_options" in place else more
            put(config, place, another_number(key_of(place), value, factor, step))
    config = renamed(_with_data(config, name))
    for section in sweeps_of(config):
        section["seeds"] = seeds
    others = (*config["ensembles"].values(), *config["dynamics"].values())
    for section in (config["dynamics"]["flow"]["network"], *others):
        if "seeds" in section:
            section["seeds"] = seeds
    return config


def _changing(config: Config) -> Config:
    kinds = ("training", "networks", "recurrent", "ensembles", "dynamics")
    return {key: config[key] for key in kinds}


def sweeps_of(config: Config) -> list[Config]:
    """Every section with variants and seeds."""
    named = (config[key]["sweeps"].values() for key in ("training", "networks"))
    return [*(sweep for many in named for sweep in many), config["recurrent"]]


def renamed(config: Config, letter: str = "v") -> Config:
    """Every variant under a name that says nothing, in the same order."""
    config = copy.deepcopy(config)
    for sweep in sweeps_of(config):
        if variants := sweep.get("variants"):
            sweep["variants"] = {
                f"{letter}{number:02}": variant for number, variant in enumerate(variants.values())
            }
    return config
