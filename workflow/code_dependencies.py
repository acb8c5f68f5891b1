"""The source files that a script runs, computed from its imports: a rule declares them as input.

Read off the syntax, with nothing but Python: whoever plans a build need not have its libraries.
"""

import ast
import difflib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from gradient_atlas.errors import InputError
from known import digest_of, finder, known

PACKAGE = "gradient_atlas"


def syntax(script: Path) -> ast.Module:
    """Return a module's syntax tree, parsed once as long as the file stays as it is."""
    state = script.stat()
    return _parsed(script, state.st_mtime_ns, state.st_size)


@cache
def _parsed(script: Path, changed: int, size: int) -> ast.Module:
    return ast.parse(script.read_text())


@cache
def _imports(source: Path, module: str) -> frozenset[str]:
    """Return the library's modules that one of its modules imports, anywhere in its file."""
    return frozenset(
        found for name in _imported_names(_file(source, module)) if (found := _module(source, name))
    )


def _module(source: Path, name: str) -> str:
    """Return the library's module that a dotted name means, which may go on to a name in it."""
    while name == PACKAGE or name.startswith(f"{PACKAGE}."):
        if _file(source, name).is_file():
            return name
        name = name.rpartition(".")[0]
    return ""


def _file(source: Path, module: str) -> Path:
    path = source / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def source_files(source: Path, *scripts: str) -> tuple[str, ...]:
    """Return the scripts and every file of the library that they import, transitively.

    Args:
        source: the folder that holds scripts and library (``src/``).
        scripts: paths below it, such as ``train.py``; the first one is returned first.
    """
    files: dict[str, None] = {}
    modules: set[str] = set()
    for script in scripts:
        files[str(source / script)] = None
        # Sorted: the order of a set is another in each process, and stamps hold this one's.
        for name in sorted(_imported_names(source / script)):
            if module := _module(source, name):
                modules.add(module)
            elif (source / f"{name}.py").is_file():
                files |= dict.fromkeys(source_files(source, f"{name}.py"))
    waiting = list(modules)
    while waiting:
        new = _imports(source, waiting.pop()) - modules
        modules |= new
        waiting += new
    # Importing a.b.c runs the files of a and a.b as well.
    parents = {module.rsplit(".", n)[0] for module in modules for n in range(module.count(".") + 1)}
    for module in sorted(modules | parents):
        files[str(_file(source, module))] = None
    return tuple(files)


@cache
def _imported_names(script: Path) -> frozenset[str]:
    """Return every dotted name that the script's import statements may mean, at any depth."""

    def find() -> list[str]:
        names: set[str] = set()
        for node in _statements(syntax(script)):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        return sorted(names)

    return frozenset(known("imports", [digest_of(script), *finder(__file__)], find))


def _statements(module: ast.Module) -> Iterator[ast.AST]:
    """Every statement at any depth; what stands in expressions, which is most, is no statement."""
    waiting: list[ast.AST] = [*module.body]
    while waiting:
        node = waiting.pop()
        yield node
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting += getattr(node, part, [])


def literal(script: Path, name: str) -> object:
    """Return the literal that a module assigns to ``name``, without importing the module.

    Raises:
        ValueError: the module has no such assignment, or it is not a literal.
    """

    def find() -> str:
        for node in syntax(script).body:
            one = [getattr(node, "target", None)]
            targets = node.targets if isinstance(node, ast.Assign) else one
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                ast.literal_eval(node.value)  # type: ignore[attr-defined]
                return ast.unparse(node.value)  # type: ignore[attr-defined]
        raise ValueError(f"{script.name}: no literal {name}")

    text = known("literal", [name, digest_of(script), *finder(__file__)], find)
    return ast.literal_eval(text)


def own_tables(file: Path | None, name: str) -> dict[str, str]:
    """Return the data sets of a user's own figure ``module:name``, from its file's ``TABLES``.

    Raises:
        InputError: the file says none for this figure, or does not define what draws it.
    """
    figure = name.rpartition(":")[2]
    said: dict[str, Any] = {}
    try:
        said = dict(literal(file, "TABLES") if file else {})  # type: ignore[call-overload]
        tables = dict(said[figure])
    except (KeyError, TypeError, ValueError, SyntaxError):
        close = difflib.get_close_matches(figure, said, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise InputError(
            f'figures: {name}{hint}: its module must say TABLES = {{"{figure}": {{name: data '
            "set}}, written out, so that the tables are known before any work starts"
        ) from None
    defined = _top_level_names(file) if file else set()
    for function in (figure, f"{figure}_caption"):
        if function not in defined:
            raise InputError(
                f"figures: {name}: its module must define {figure}(tables, style) and "
                f"{figure}_caption(tables); {function} is missing"
            )
    return tables


def _top_level_names(script: Path) -> set[str]:
    """Every name that a module's own statements define, assign or import."""
    names: set[str] = set()
    for node in syntax(script).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name) for alias in node.names}
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names
