"""A user's own activation or initialisation, named in the config as ``package.module:callable``."""

import ast
import difflib
import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gradient_atlas.errors import InputError

_NAME = re.compile(r"(?P<module>[A-Za-z_]\w*(\.[A-Za-z_]\w*)*):(?P<attribute>[A-Za-z_]\w*)")
# With these a module may have names that its text does not spell out.
_ANY = ("*", "__getattr__")


def is_extension(name: str) -> bool:
    """Whether ``name`` means somebody's own callable, not one of the built-in names."""
    return ":" in name


def load(name: str, key: str) -> Callable[..., Any]:
    """The callable that ``name`` (``package.module:callable``) stands for.

    The installed packages are searched first, then the working directory. ``key`` is the config key
    (``activation``, ...) that the message of an ``InputError`` names: raised when the name has
    another form, and when the module or the callable cannot be found or its import fails.
    """
    module_name, attribute = _split(name, key)
    with _working_directory_searched():
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            raise InputError(
                f"{key}: {name!r}: no module {error.name!r}; it must be installed or lie in the "
                "working directory"
            ) from error
        except Exception as error:
            raise InputError(
                f"{key}: {name!r}: importing {module_name!r} failed with "
                f"{type(error).__name__}: {_one_line(error)}"
            ) from error
    function = getattr(module, attribute, None)
    if not callable(function):
        problem = "is not callable" if hasattr(module, attribute) else "does not exist"
        raise InputError(
            f"{key}: {name!r}: {attribute!r} {problem} in module {module_name!r}; "
            f"{_meant(attribute, {key for key, value in vars(module).items() if callable(value)})}"
        )
    return function


def source_file(name: str, key: str) -> Path | None:
    """The file that defines the extension, so that a workflow can watch it; None when built in C.

    Only parent packages are imported, not the module. Raises ``InputError`` as ``load`` does.
    """
    module_name, attribute = _split(name, key)
    with _working_directory_searched():
        try:
            spec = importlib.util.find_spec(module_name)
        except ModuleNotFoundError:
            spec = None
    if spec is None:
        raise InputError(
            f"{key}: {name!r}: no module {module_name!r}; it must be installed or lie in the "
            "working directory"
        )
    file = Path(spec.origin) if spec.has_location and spec.origin else None
    if file is not None and file.suffix == ".py":
        known = _names_in(file)
        if not known & {attribute, *_ANY}:
            raise InputError(
                f"{key}: {name!r}: {attribute!r} does not exist in module {module_name!r}; "
                f"{_meant(attribute, known)}"
            )
    return file


def _meant(attribute: str, known: set[str]) -> str:
    close = difflib.get_close_matches(attribute, sorted(known), n=1)
    return f"did you mean {close[0]}?" if close else "name a function that is defined there"


def source_digests(parameters: Mapping[str, object]) -> dict[str, str]:
    """The sha256 of each file that defines an extension named in these parameters, by its name."""
    found: dict[str, str] = {}
    for key, value in parameters.items():
        if isinstance(value, Mapping):
            found |= source_digests(value)
        elif isinstance(value, str) and _NAME.fullmatch(value):
            file = source_file(value, key)
            found[value] = hashlib.sha256(file.read_bytes()).hexdigest() if file else ""
    return found


def _names_in(file: Path) -> set[str]:
    """Every name that a module's text has; what names it does not spell out is among ``_ANY``."""
    try:
        nodes = list(ast.walk(ast.parse(file.read_text())))
    except SyntaxError:
        return set(_ANY)  # what is wrong is said where it is imported
    found = {getattr(node, "name", None) for node in nodes}  # functions, classes, imports
    found |= {getattr(node, "asname", None) for node in nodes}
    found |= {node.id for node in nodes if isinstance(node, ast.Name)}
    return {name for name in found if name}


def _split(name: str, key: str) -> tuple[str, str]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise InputError(f"{key}: {name!r} must have the form 'package.module:callable'")
    return match["module"], match["attribute"]


@contextmanager
def _working_directory_searched() -> Iterator[None]:
    """Search the working directory last, so that no file there can hide an installed package."""
    directory = str(Path.cwd())
    importlib.invalidate_caches()
    sys.path.append(directory)
    try:
        yield
    finally:
        sys.path.remove(directory)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
