"""Run many of the workflow's jobs in one process, which imports torch once: emulated, it is slow.

    python tests/run_jobs.py jobs.json

The file holds a list of [script, arguments ...]; paths are below the working directory.
"""

import command_line  # noqa: F401

import functools
import importlib
import json
import sys
import types
from pathlib import Path

from gradient_atlas.tables import provenance


def leave_out_what_nothing_calls() -> None:
    """Spare what takes half of an emulated process and no number comes from.

    ``pytorch_optimizer`` imports torch's distributed tensors and compiler, and sympy under those,
    to call none of them; every table digests the code again.
    """
    tensors = types.ModuleType("torch.distributed.tensor")
    tensors.DTensor = type("DTensor", (), {})  # type: ignore[attr-defined]
    compiler = types.ModuleType("torch._dynamo")
    compiler.disable = lambda function, *_, **__: function  # type: ignore[attr-defined]
    sys.modules |= {tensors.__name__: tensors, compiler.__name__: compiler}
    provenance.code_digest = functools.cache(provenance.code_digest)


def main() -> None:
    """Call each script's ``main`` with its arguments."""
    leave_out_what_nothing_calls()
    for script, *arguments in json.loads(Path(sys.argv[1]).read_text()):
        print(script, *arguments[-2:], flush=True)
        sys.argv = [script, *arguments]
        importlib.import_module(script).main()


if __name__ == "__main__":
    main()
