"""The config as the workflow uses it: defaults completed, every key checked before work starts."""

import difflib
import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from gradient_atlas.errors import InputError
from gradient_atlas.runs.feedforward import Run, parse_run
from gradient_atlas.runs.network import check_architecture, parse_network_run
from gradient_atlas.runs.recurrent import parse_recurrent_run
from gradient_atlas.runs.sweep import expand_runs, expand_sweep
from known import all_code, known, version

# Sections of the dynamics that train a network.
ANY_NETWORK = ("central_flow", "sharpness")  # may name an architecture
NETWORKS = ("central_flow", "sharpness", "edges", "limits", "warmup", "width")
# What looking at styles, pages and data sets takes. Where they are missing nothing can be computed
# either, and a plan alone (a catalog's lint, a dry run) goes without these checks.
LIBRARIES = ("matplotlib", "numpy", "pandas", "tueplots")
HAS_LIBRARIES = all(map(importlib.util.find_spec, LIBRARIES))
_EXPANDED: dict[tuple[int, str], tuple[Mapping[str, Any], dict[str, Run]]] = {}
_HERE = Path(__file__).resolve().parent
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def complete(given: Mapping[str, Any], defaults: Path, schema: Path) -> dict[str, Any]:
    """Return the defaults overridden by what is given, checked.

    Mappings are merged key by key; a list or a single value replaces the default's. A key that is
    given as null where the default has a mapping takes the default's mapping away.

    Raises:
        InputError: a key is unknown or a value is wrong; names the key and what would be right, in
            one line whatever the config's strings hold.
    """
    try:
        return _completed(given, defaults, schema)
    except InputError as error:
        raise InputError(_CONTROL.sub(lambda found: repr(found[0])[1:-1], str(error))) from None


def _completed(given: Mapping[str, Any], defaults: Path, schema: Path) -> dict[str, Any]:
    # `--config strict=true` hands over text where a file hands over a boolean.
    typed = {k: _typed(v) if isinstance(v, str) else v for k, v in given.items()}
    config = _merged(_read(defaults), typed)
    validator = jsonschema.Draft202012Validator(_read(schema))
    errors = sorted(validator.iter_errors(config), key=lambda error: list(map(str, error.path)))
    if errors:
        raise InputError(_one_line(errors[0]))
    _EXPANDED.clear()
    for name, sweep in config["training"]["sweeps"].items():
        training_runs(name, sweep)
    try:
        expand_runs("recurrent", config["recurrent"], parse_recurrent_run)
        for name, sweep in config["networks"]["sweeps"].items():
            expand_runs(f"networks.sweeps.{name}", sweep, parse_network_run)
            if name in {*config["training"]["sweeps"], "recurrent"}:
                raise InputError(f"networks.sweeps.{name}: a training sweep has this name; rename")
        expand_runs("ensembles.half_precision", config["ensembles"]["half_precision"], parse_run)
        if HAS_LIBRARIES:
            check_style(config["style"])
            check_datasets(config)
        check_networks(config)
    except InputError as error:
        raise InputError(f"config: {error}") from None
    return config


def training_runs(name: str, sweep: Mapping[str, Any]) -> dict[str, Run]:
    """The runs of a training sweep, expanded once as long as it is the same object.

    Raises:
        InputError: one of them is wrong.
    """
    if (id(sweep), name) not in _EXPANDED:
        # With the sweep itself, so that its number is not another's later.
        _EXPANDED[id(sweep), name] = sweep, expand_sweep(name, sweep)
    return _EXPANDED[id(sweep), name][1]


def check_style(style: Mapping[str, Any]) -> None:
    """Refuse a venue, a column or a width that does not exist, without matplotlib if it is known.

    Raises:
        InputError: names the key, what is wrong and what would be right.
    """

    def fits() -> bool:
        from gradient_atlas.drawing.style import style_from

        style_from(style)
        return True

    known("style", [json.dumps(style), *drawing()], fits)


def check_panels(panels: Mapping[str, Any], figures: list[str]) -> None:
    """Refuse panels of a figure that does not exist.

    Raises:
        InputError: names it, and the figure that may be meant.
    """
    for name in panels:
        if name not in figures:
            close = difflib.get_close_matches(name, figures, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise InputError(f"panels.{name}: no such figure{hint}")


def drawing() -> list[str]:
    """What it follows from, besides the config, whether a figure can be drawn."""
    return [all_code(_HERE, _HERE.parent / "src"), *map(version, LIBRARIES)]


def check_datasets(config: Mapping[str, Any]) -> None:
    """Refuse a data set that nobody knows, and one with fewer training rows than are asked for.

    Raises:
        InputError: names the key that asks, what it asks for, and what there is.
    """
    from gradient_atlas.datasets.prepare import NAMES, training_rows

    own = config["datasets"]
    if taken := sorted(set(own) & set(NAMES)):
        raise InputError(f"datasets.{taken[0]}: the name is taken; choose another")
    rows: dict[str, int] = {}
    for key, dataset, examples in _asked(config):
        if dataset not in (*NAMES, *own):
            close = difflib.get_close_matches(dataset, [*NAMES, *own], n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise InputError(
                f"{key}.dataset: {dataset!r} is no data set{hint}; it must be one of "
                f"{', '.join([*NAMES, *own])}, or be given under datasets"
            )
        if dataset not in rows:
            rows[dataset] = training_rows(own.get(dataset, dataset))
        name, number = examples
        if number is not None and number > rows[dataset]:
            raise InputError(
                f"{key}.{name}: {number} is wrong; {dataset} has {rows[dataset]} training rows"
            )


def check_networks(config: Mapping[str, Any]) -> None:
    """Refuse a network of ``dynamics`` that cannot be found or does not take its options.

    Where an architecture is named, ``hidden_widths``, which the default has, is taken out.

    Raises:
        InputError: names the section, the option and what would be right.
    """
    dynamics = config["dynamics"]
    networks = {"flow.network": dynamics["flow"]["network"]}
    networks |= {key: dynamics[key] for key in ANY_NETWORK}
    for place, network in networks.items():
        key, options = f"dynamics.{place}", network.get("architecture_options", {})
        if "architecture" not in network:
            if "hidden_widths" not in network or options:
                raise InputError(f"{key}: needs hidden_widths, or an architecture (with options)")
            continue
        network.pop("hidden_widths", None)
        if "activations" in network:
            if "activation" in options:
                raise InputError(
                    f"{key}.architecture_options.activation: the section's own `activations` are "
                    "given to the network; take it out"
                )
            options = options | {"activation": network["activations"][0]}
        try:
            check_architecture(network["architecture"], options)
        except InputError as error:
            raise InputError(f"{key}: {error}") from None


def _asked(config: Mapping[str, Any]) -> Iterator[tuple[str, str, tuple[str, int | None]]]:
    """Where the config asks for a data set, for which, and by what key for how many rows."""
    for name, sweep in config["training"]["sweeps"].items():
        for path, run in training_runs(name, sweep).items():
            key = f"training.sweeps.{name} ({path})"
            yield key, run.dataset, ("training_examples", run.training_examples)
    for name, sweep in config["networks"]["sweeps"].items():
        place = f"networks.sweeps.{name}"
        for path, network in expand_runs(place, sweep, parse_network_run).items():
            asked = ("training_examples", network.training_examples)
            yield f"{place} ({path})", network.dataset, asked
    dynamics = config["dynamics"]
    networks = {"flow.network": dynamics["flow"]["network"]}
    networks |= {key: dynamics[key] for key in NETWORKS}
    for key, network in networks.items():
        yield f"dynamics.{key}", network["dataset"], ("examples", network["examples"])
    place = "ensembles.half_precision"
    runs = expand_runs(place, config["ensembles"]["half_precision"], parse_run)
    for path, run in runs.items():
        yield f"{place} ({path})", run.dataset, ("probe_examples", run.probe_examples)
    diagram = config["ensembles"]["phase_diagram"]
    asked = ("examples", diagram["examples"])
    yield "ensembles.phase_diagram", diagram["dataset"], asked


def _read(file: Path) -> Any:
    """What a YAML file holds, read by C where there is any: in a tenth of the time."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)(file.read_text()).get_single_data()


def _typed(text: str) -> Any:
    """What YAML reads in a text; the text itself where that is a text, or no YAML."""
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return text
    return text if isinstance(value, str) else value


def _merged(default: Any, given: Any) -> Any:
    if not (isinstance(default, dict) and isinstance(given, Mapping)):
        return given
    merged = default | {key: _merged(default.get(key), value) for key, value in given.items()}
    return {
        key: value
        for key, value in merged.items()
        if not (value is None and isinstance(default.get(key), dict))
    }


def _one_line(error: jsonschema.ValidationError) -> str:
    place = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))
        unknown = sorted(set(error.instance) - set(known))[0]
        close = difflib.get_close_matches(unknown, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known keys are {', '.join(known)}"
        return f"config: {f'{place}.' if place else ''}{unknown}: unknown key; {hint}"
    # The schema says in words what would be right where its own rule would not say it well.
    right = error.schema.get("description") if error.validator != "required" else None
    return f"config: {place or 'top level'}: {error.message}" + (f"; {right}" if right else "")
