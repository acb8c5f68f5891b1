"""One change of a config after the other: every number, word, optional value, variant and list."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from config_mutations import OPTIONAL, WORDS, Config, Place, another_number, key_of, leaves, put

# What of the dynamics and the ensembles is a mapping by name.
PROBLEMS = ("problems", "escapes", "networks", "optimizers", "cases")


@dataclass(frozen=True)
class Mutation:
    """A changed config.

    Attributes:
        name: what was changed, as a reader of the config would say it.
        config: the whole changed config.
        gone: key and value of a number that the changed section no longer has.
    """

    name: str
    config: Config
    gone: list[tuple[str, float]] = field(default_factory=list)


def single_mutations(config: Config, section: Place, other_data: str) -> Iterator[Mutation]:
    """Every single mutation of one section (a sweep, or a part of the dynamics)."""
    here = _at(config, section)
    yield from _values(config, section)
    if "variants" in here or "grid" in here:
        yield from _members(config, section)
    for named in (part for part in PROBLEMS if isinstance(here.get(part), dict)):
        yield from _mapping(config, (*section, named))
    for place, values in _lists(here, section):
        yield from _list(config, place, values)
    if any(key_of(place) == "dataset" for place, _ in leaves(here)):
        changes = [p for p, _ in leaves(here, section) if key_of(p) == "dataset"]
        yield Mutation("other data", _changed(config, dict.fromkeys(changes, other_data)))
    if isinstance(here.get("base"), dict) and "dataset" in here["base"]:
        base = (*section, "base")
        yield Mutation("max_steps: 1", _changed(config, {(*base, "max_steps"): 1}))
        if section[0] == "training":
            yield Mutation("epochs: 0", _changed(config, {(*base, "epochs"): 0}))


def _at(config: Any, place: Place) -> Any:
    for part in place:
        config = config[part]
    return config


def _changed(config: Config, values: dict[Place, Any]) -> Config:
    config = copy.deepcopy(config)
    for place, value in values.items():
        put(config, place, value)
    return config


def _name(place: Place, change: object) -> str:
    return f"{'.'.join(map(str, place))}: {change}"


def _values(config: Config, section: Place) -> Iterator[Mutation]:
    """Equal values of one key change together: what runs have in common they keep."""
    groups: dict[tuple[str, Any], list[Place]] = {}
    for place, value in leaves(_at(config, section), section):
        if key_of(place) != "seeds":
            # True equals 1, but is another value.
            groups.setdefault((key_of(place), (type(value), value)), []).append(place)
    for (key, (kind, value)), places in groups.items():
        said = f"{key} {value} ({'.'.join(map(str, section))})"
        if kind in (int, float) and value != 0:
            step = max(1, round(value / 3))
            # The heads of attention divide its width.
            step = 4 * step if "architecture_options" in places[0] else step
            other = another_number(key, value, 1.37, step)
            changed = _changed(config, dict.fromkeys(places, other))
            yield Mutation(f"{said} to {other}", changed, [(key, value)])
        if value in WORDS.get(key, {}):
            other = WORDS[key][value]
            yield Mutation(f"{said} to {other}", _changed(config, dict.fromkeys(places, other)))
        if key in OPTIONAL and value is not None:
            changed = _changed(config, dict.fromkeys(places, None))
            yield Mutation(f"{said} to null", changed, [(key, value)])


def _members(config: Config, section: Place) -> Iterator[Mutation]:
    yield Mutation(_name(section, "one seed"), _changed(config, {(*section, "seeds"): [3]}))
    six = [0, 1, 2, 3, 4, 5]
    yield Mutation(_name(section, "six seeds"), _changed(config, {(*section, "seeds"): six}))
    if _at(config, section).get("variants"):
        yield from _mapping(config, (*section, "variants"))
        place = (*section, "variants")
        first = next(iter(_at(config, place).values()))
        sizes: dict[str, Any] = {
            "recurrent": {"hidden_size": 11},
            "networks": {"probe_examples": 11},
        }
        unknown = _at(config, place) | {
            "aa_unknown": first | sizes.get(str(section[0]), {"width": 11})
        }
        yield Mutation(_name(place, "an unknown one"), _changed(config, {place: unknown}))


def _mapping(config: Config, place: Place) -> Iterator[Mutation]:
    """Each member left out, all but one left out, each under another name."""
    members = _at(config, place)
    choices = {f"without {name}": [m for m in members if m != name] for name in members}
    choices |= {f"only {name}": [name] for name in (next(iter(members)), list(members)[-1])}
    for said, kept in choices.items():
        if kept:
            fewer = {name: members[name] for name in kept}
            yield Mutation(_name(place, said), _changed(config, {place: fewer}))
    names = {f"n{number:02}": member for number, member in enumerate(members.values())}
    yield Mutation(_name(place, "renamed"), _changed(config, {place: names}))


def _lists(here: Any, section: Place) -> Iterator[tuple[Place, list[Any]]]:
    """Every list of values to choose from: a grid's, rates, momenta."""
    items = here.items() if isinstance(here, dict) else []
    for key, value in items:
        chosen_from = (
            key in ("learning_rates", "momenta", "depths", "widths", "sigma_w2", "loss_scales")
            or section[-1] == "grid"
        )
        if isinstance(value, list) and chosen_from:
            yield (*section, key), value
        elif isinstance(value, dict):
            yield from _lists(value, (*section, key))


def _list(config: Config, place: Place, values: list[Any]) -> Iterator[Mutation]:
    if len(values) > 1:
        yield Mutation(_name(place, "only the first"), _changed(config, {place: values[:1]}))
        yield Mutation(_name(place, "only the last"), _changed(config, {place: values[-1:]}))
    if isinstance(values[-1], int | float):
        more = [*values, another_number(key_of(place), max(values) or 0.5, 1.37, 2)]
        yield Mutation(_name(place, "one more"), _changed(config, {place: more}))
