"""Snakemake's command line without the second or two that its imports take each time.

``snakemake(...)`` does what ``subprocess.run(["snakemake", ...])`` would do, in a process of its
own with its own folder, environment and streams. That is a fork of one that has imported Snakemake,
and nothing of this project, so that a test's copy of the project runs the copy's own code. A test
of which modules Snakemake imports, or of how it is ended, starts one itself.

As a program, it is that one process: a request a line comes in, the status of its end goes out.
"""

import ast
import atexit
import gc
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[1]
# What a plan and a build import before the first rule is read, and nothing of ours.
IMPORTED = ("snakemake.cli", "snakemake.dag", "snakemake.scheduling.greedy", "snakemake.script")
IMPORTED += ("pandas", "yaml", "jsonschema", "numpy", "pulp", "asyncio", "requests", "jinja2")
IMPORTED += (
    "matplotlib.pyplot",
    "matplotlib.projections",
    "tueplots.bundles",
    "PIL.PngImagePlugin",
)


def users() -> dict[str, str]:
    """A user's shell, which has not pytest's own import path."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


@cache
def _server() -> "subprocess.Popen[str]":
    """The process that has imported Snakemake; it ends with this one, which closes its input."""
    server = subprocess.Popen(
        [sys.executable, "-P", __file__],
        env=users(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(server.communicate)
    return server


def snakemake(
    words: Iterable[object], folder: Path, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run ``snakemake`` with these words in a folder to its end, whatever that is."""
    server = _server()
    assert server.stdin and server.stdout
    with tempfile.TemporaryDirectory() as streams:
        request = {
            "words": [str(word) for word in words],
            "folder": str(folder),
            "environment": dict(users() if environment is None else environment),
            "streams": streams,
        }
        print(json.dumps(request), file=server.stdin, flush=True)
        status = int(server.stdout.readline())
        said = [Path(streams, name).read_text(encoding="utf-8") for name in ("out", "err")]
    return subprocess.CompletedProcess(["snakemake", *request["words"]], status, *said)


def _serve() -> list[str]:
    """Fork for every request; return, in the fork, the words for Snakemake."""
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            os.chdir(request["folder"])
            os.environ.clear()
            os.environ.update(request["environment"])
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, 0)
            for number, name in ((1, "out"), (2, "err")):
                file = os.open(f"{request['streams']}/{name}", os.O_WRONLY | os.O_CREAT)
                os.dup2(file, number)
            return ["snakemake", *request["words"]]
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    sys.exit()


def _prepare() -> None:
    """Import Snakemake, and parse the project's code, which every plan does for its imports."""
    for name in IMPORTED:
        importlib.import_module(name)
    # By the text and not by the file: an edited or another file is parsed as ever.
    ast.parse = cache(ast.parse)  # type: ignore[assignment]
    for file in sorted((PROJECT / "src").rglob("*.py")):
        ast.parse(file.read_text())
    gc.collect()
    gc.freeze()  # a collection in a fork would write to, and so copy, all of it


if __name__ == "__main__":
    _prepare()
    sys.argv = _serve()
    from snakemake.cli import main

    main()
