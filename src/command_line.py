"""What every script does around its work; imported before anything else.

On import a job is handed over to a warm process where the build offers one (``warm_start``), and
the arithmetic is settled (``gradient_atlas.arithmetic``): nothing is computed without. Around the
work: JSON options are read in one way, and an error that the user can mend is one line.
"""

import argparse
import faulthandler
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import warm_imports
import warm_start
from gradient_atlas import arithmetic
from gradient_atlas.errors import DamagedFileError, InputError

warm_start.hand_over(warm_imports.start)
try:
    arithmetic.pin()
except InputError as problem:
    sys.exit(f"error: {problem}")


def run_script(main: Callable[[], None], warm_up: Callable[[], object] | None = None) -> None:
    """Run ``main`` and exit: status 1 and one line on stderr for an ``InputError``.

    A damaged file is removed, since Snakemake sees that a file is there and not what is in it.
    ``warm_up`` is what a process that serves many jobs does once (``warm_start.serve``).
    """

    def told() -> None:
        if limit := float(os.environ.get(warm_start.SECONDS_LIMIT) or 0):
            # Says where it hangs, and works inside a library's call too.
            faulthandler.dump_traceback_later(limit, exit=True)
        try:
            main()
        except DamagedFileError as error:
            error.file.unlink(missing_ok=True)
            _fail(f"{error}; removed: the next build makes it again")
        except InputError as error:
            _fail(str(error))

    warm_start.serve(told, warm_up)
    told()


def _fail(reason: str) -> NoReturn:
    print(f"error: {reason}", file=sys.stderr)
    sys.exit(1)


def training_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with what every training script takes: run, seeds, and where it is kept."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--run", action=Json, required=True, help="parameters as JSON; see config/README.md"
    )
    parser.add_argument("--seeds", required=True, type=int, nargs="+")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        help="file for the state of an unfinished run, from which the same command goes on",
    )
    parser.add_argument(
        "--checkpoint-minutes",
        type=float,
        default=os.environ.get(warm_start.CHECKPOINT_MINUTES, "5"),
        help="from one writing of it to the next (%(default)s); inf: never",
    )
    return parser


def kept(arguments: argparse.Namespace) -> tuple[Path | None, float]:
    """Where a training script keeps an unfinished run, and seconds from one writing to the next."""
    return arguments.checkpoint, 60 * arguments.checkpoint_minutes


def prediction_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with what a script takes that predicts runs on their data: runs, data, a table."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--settings", action=Json, required=True, help="JSON: runs, and what else is asked"
    )
    parser.add_argument(
        "--dataset", required=True, type=Path, nargs="+", help="folder(s); see runs"
    )
    parser.add_argument("--output", required=True, type=Path, help="Parquet file to write")
    return parser


def dataset_folders(folders: Sequence[Path], names: Sequence[str]) -> dict[str, Path]:
    """The folders of these data sets, by name; InputError for a data set without one."""
    found = {folder.name: folder for folder in folders}
    if missing := sorted(set(names) - set(found)):
        raise InputError(f"--dataset: no folder named {missing[0]}, which a run trains on")
    return {name: found[name] for name in dict.fromkeys(names)}


class Json(argparse.Action):
    """An option that takes a JSON object, as every part of the config reaches a script."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Store the object; InputError (which argparse lets through from here) if it is none."""
        setattr(namespace, self.dest, json_object(values, str(option_string)))


def json_object(text: str, option: str) -> dict[str, Any]:
    """Return the JSON object in this text, or in the ``.json`` file that it names.

    Raises:
        InputError: it is neither; names the option.
    """
    try:
        value = json.loads(Path(text).read_text() if text.endswith(".json") else text)
    except (OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{option}: not JSON and no .json file ({reason})") from None
    if not isinstance(value, dict):
        raise InputError(f'{option}: {text!r} is not an object of parameters like {{"depth": 50}}')
    return value
