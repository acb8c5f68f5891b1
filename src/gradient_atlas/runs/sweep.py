"""The runs that a sweep of the config stands for, and the folder of each."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from gradient_atlas.errors import InputError
from gradient_atlas.runs.feedforward import Run, parse_run

Kind = TypeVar("Kind")
_FOLDER = re.compile(r"[\w.:+-]+")  # what a value may be to stand in a path


def expand_sweep(name: str, sweep: Mapping[str, Any]) -> dict[str, Run]:
    """Return the runs of one of ``training.sweeps``; see ``expand_runs``."""
    return expand_runs(f"training.sweeps.{name}", sweep, parse_run)


def expand_runs(
    key: str, sweep: Mapping[str, Any], parse: Callable[[Mapping[str, Any]], Kind]
) -> dict[str, Kind]:
    """Return the runs of a sweep, by the folder path that says what varies in it.

    The runs are every variant (if there are variants) with every combination of the grid, over the
    base; for the paths see ``sweep_points``. ``key`` is the sweep's place in the config.

    Raises:
        InputError: a run is wrong (the message names sweep and run), two runs share a path, or a
            value of the grid cannot name a folder.
    """
    runs: dict[str, Kind] = {}
    for path, variant, point in sweep_points(sweep):
        changes = (sweep.get("variants") or {}).get(variant) or {}
        if clash := set(point) & set(changes):
            raise InputError(
                f"{key}.variants.{variant}.{min(clash)}: "
                "the grid sets this key too; leave it in one place"
            )
        if path in runs:
            raise InputError(f"{key}: two runs have the same path {path}")
        try:
            runs[path] = parse({**(sweep.get("base") or {}), **point, **changes})
        except InputError as error:
            raise InputError(f"{key} ({path}): {error}") from None
        for parameter, value in point.items():
            if not _FOLDER.fullmatch(str(value)):
                raise InputError(
                    f"{key}.grid.{parameter}: {value!r} cannot name a folder; set it in `variants`"
                )
    return runs


def sweep_points(sweep: Mapping[str, Any]) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    """Yield path, variant and grid values of each member of a sweep.

    The path is ``variant=...`` and then the grid's keys in the order of the config, as
    ``key=value`` folders; a sweep of a single member has the path ``run=all``.
    """
    grid = sweep.get("grid") or {}
    for variant in sweep.get("variants") or [None]:
        for values in itertools.product(*grid.values()):
            point = dict(zip(grid, values, strict=True))
            varied = ({} if variant is None else {"variant": variant}) | point
            path = "/".join(f"{key}={value}" for key, value in varied.items()) or "run=all"
            yield path, variant, point
