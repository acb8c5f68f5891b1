"""Run many of the workflow's jobs in one process, which imports torch once: emulated, it is slow.

    python tests/run_jobs.py jobs.json

The file holds a list of [script, arguments ...]; paths are below the working directory.
"""

import command_line  # noqa: F401

import importlib
import json
import sys
from pathlib import Path


def main() -> None:
    """Call each script's ``main`` with its arguments."""
    for script, *arguments in json.loads(Path(sys.argv[1]).read_text()):
        print(script, *arguments[-2:], flush=True)
        sys.argv = [script, *arguments]
        importlib.import_module(script).main()


if __name__ == "__main__":
    main()
