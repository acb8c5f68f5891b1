"""What every kind of run is checked by: known keys, types, ranges and choices, each said once."""

import dataclasses
import difflib
import math
from collections.abc import Mapping
from typing import Any, TypeVar

from gradient_atlas.errors import InputError

Kind = TypeVar("Kind")


def chosen(default: str, *choices: str, or_own: bool = False) -> Any:
    """A field that takes one of the choices, or with ``or_own`` a ``package.module:callable``."""
    return dataclasses.field(default=default, metadata={"choices": choices, "or_own": or_own})


def at_least(least: float, default: Any) -> Any:
    """A field that takes a finite number of at least ``least`` (or None, if its type has it)."""
    return dataclasses.field(default=default, metadata={"least": least})


def above(bound: float, default: Any) -> Any:
    """A field that takes a finite number above ``bound`` (or None, if its type has it)."""
    return dataclasses.field(default=default, metadata={"above": bound})


def wrong(key: str, value: object, right: str) -> InputError:
    """The error of a value that cannot be computed with."""
    return InputError(f"{key}: {value!r} is wrong; it must be {right}")


def check(run: Any) -> None:
    """Raise InputError for a field whose value is not one that its declaration takes."""
    for field in dataclasses.fields(run):
        value, rule = getattr(run, field.name), field.metadata
        if choices := rule.get("choices"):
            module, colon, name = str(value).partition(":")
            own = rule["or_own"] and module and colon and name
            if value not in choices and not own:
                more = ", or package.module:callable" if rule["or_own"] else ""
                raise wrong(field.name, value, f"one of {', '.join(choices)}{more}")
        if value is None or isinstance(value, str):
            continue
        if "least" in rule and not (math.isfinite(value) and value >= rule["least"]):
            raise wrong(field.name, value, f"a number of at least {rule['least']}")
        if "above" in rule and not (math.isfinite(value) and value > rule["above"]):
            raise wrong(field.name, value, f"a number above {rule['above']}")


def parse(kind: type[Kind], parameters: Mapping[str, Any]) -> Kind:
    """Return the run of this kind (a dataclass) that the parameters describe.

    Raises:
        InputError: a key is unknown or missing, or a value is of the wrong type or out of range.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key, value in parameters.items():
        if key not in fields:
            close = difflib.get_close_matches(key, fields, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(fields)}"
            name = key if key.isprintable() else repr(key)
            raise InputError(f"{name}: not a parameter of a run; {hint}")
        allowed: Any = fields[key].type
        if not isinstance(value, allowed) or (isinstance(value, bool) and allowed is not bool):
            if type(value) is int and isinstance(float(value), allowed):
                continue
            raise wrong(key, value, f"of type {getattr(allowed, '__name__', allowed)}")
    for key, field in fields.items():
        if field.default is dataclasses.MISSING and key not in parameters:
            raise InputError(f"{key}: missing; a run must say it")
    return kind(**parameters)
