"""What `quick: true` makes of a config: the same runs with fewer seeds and steps, for a first look.

The outputs go to a folder of their own, so that nothing of the full build is touched.
"""

import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradient_atlas.errors import InputError

FOLDER = "quick"
SEEDS = 1  # no spread, and no verdict: those are the full build's
SHARE = 10  # one step of so many is left, and the time between two logged steps is as much shorter
FEWEST_STEPS = 20
_STEPS = ("steps", "max_steps", "warmup_steps")


def quick(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a completed config with fewer seeds and steps; which, follows from the config alone.

    Every section that has seeds keeps its first one, a tenth of its epochs (rounded up) and a tenth
    of its steps (at least twenty), of which as many are logged. Rates, sizes, names and what is
    simulated without seeds stay.

    Raises:
        InputError: the config asks for what is only decided by a full build.
    """
    if config["strict"]:
        raise InputError(
            "strict: the recorded verdicts are those of a full build; take out this or `quick`"
        )
    # Files are seen from the folder of the full build.
    own = {name: str(Path(file).resolve()) for name, file in config["datasets"].items()}
    mirror = config["mirror"]
    if mirror and Path(mirror).exists():
        mirror = str(Path(mirror).resolve())
    # An archive's tables, and what was perturbed, are of full builds.
    found = {**config, "datasets": own, "mirror": mirror, "tables": None, "robustness": None}
    for key in ("training", "networks", "recurrent", "ensembles", "dynamics"):
        found[key] = _shorter(config[key], False)
    return found


def _shorter(section: Any, seeded: bool) -> Any:
    """A section of the config; ``seeded``: it is, or lies in, one that has seeds."""
    if not isinstance(section, Mapping):
        return section
    seeded = seeded or "seeds" in section
    found = {}
    for key, value in section.items():
        if key == "seeds":
            found[key] = value[:SEEDS]
        elif seeded and key == "warmup_steps" and isinstance(value, list):
            found[key] = sorted({_fewer(number) for number in value})
        elif not seeded or not _is_number(value):
            found[key] = _shorter(value, seeded)
        elif key in _STEPS:
            found[key] = _fewer(value)
        elif key in ("epochs", "every"):
            found[key] = math.ceil(value / SHARE)
        else:
            found[key] = value
    return found


def _fewer(steps: int) -> int:
    return min(steps, max(FEWEST_STEPS, math.ceil(steps / SHARE)))


def work_in(workflow: Any, folder: str) -> None:
    """Have a workflow's files stand in a folder below the one that it was started in.

    Raises:
        InputError: the workflow is a `module` of another, whose own files would move too.
    """
    if Path(workflow.basedir).resolve() != Path(__file__).resolve().parent:
        raise InputError("quick: inside a module give the sweeps fewer seeds and epochs yourself")
    # A user's own modules lie in the folder that the build is started from.
    here = str(Path.cwd())
    sys.path.append(here)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
    Path(folder).mkdir(exist_ok=True)
    # With --directory Snakemake would stay in that folder, which is the full build's.
    given, workflow.overwrite_workdir = workflow.overwrite_workdir, None
    workflow.workdir(folder)
    workflow.overwrite_workdir = given


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
