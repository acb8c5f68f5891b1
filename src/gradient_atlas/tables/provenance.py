"""What made a table: parameters, arithmetic, versions, code; nothing that changes by itself."""

import hashlib
import importlib.metadata
import json
import platform
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from gradient_atlas import arithmetic

LIBRARIES = ("matplotlib", "numpy", "pandas", "pyarrow", "scipy", "torch")
_PACKAGE = __file__.removesuffix("tables/provenance.py")  # as text: it is compared 1,500 times


def code_digest() -> str:
    """Return the sha256 (hex) of every source file of this library imported by this process.

    Files enter in the order of their module names, so that the digest does not depend on who
    imported what first.
    """
    digest = hashlib.sha256()
    for name in sorted(sys.modules):
        file = getattr(sys.modules[name], "__file__", None)
        if file and file.startswith(_PACKAGE):
            digest.update(name.encode() + b"\0" + Path(file).read_bytes() + b"\0")
    return digest.hexdigest()


_version = cache(importlib.metadata.version)  # a search through all that is installed


def describe(made_by: Mapping[str, object]) -> dict[str, str]:
    """Return an output's key-value metadata: ``made_by``, arithmetic, versions, code digest.

    All but the digest are JSON values. No clock time, host name or path: the same work gives
    the same bytes.
    """
    versions = {library: _version(library) for library in LIBRARIES if library in sys.modules}
    versions["python"] = platform.python_version()
    return {
        **{key: json.dumps(value, sort_keys=True) for key, value in made_by.items()},
        "arithmetic": json.dumps(arithmetic.in_use(), sort_keys=True),
        "versions": json.dumps(versions, sort_keys=True),
        "code": code_digest(),
    }
