"""Where a figure's drawing, caption and claims are: in the project, or in a user's own module.

A figure of the project is ``src/figures/<name>.py`` with ``TABLES``, ``draw`` and ``caption``, and
``gradient_atlas/claims/<name>.py`` with ``claims``. A user's own is named ``module:name``, in one
file: ``TABLES = {"name": {...}}``, ``name(tables, style)`` that draws, ``name_caption(tables)``
and, if it has any, ``name_claims(tables)``.
"""

import importlib
from collections.abc import Callable
from typing import Any

from gradient_atlas.runs.extension import is_extension, load


def drawing_of(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The functions that draw a figure and write its caption."""
    if is_extension(name):
        return load(name, "figures"), load(f"{name}_caption", "figures")
    module = importlib.import_module(f"figures.{name}")
    return module.draw, module.caption


def claims_of(name: str) -> Callable[..., Any]:
    """The function that declares a figure's claims."""
    if is_extension(name):
        module = importlib.import_module(load(name, "figures").__module__)
        return getattr(module, f"{name.rpartition(':')[2]}_claims", lambda tables: [])
    return importlib.import_module(f"gradient_atlas.claims.{name}").claims
