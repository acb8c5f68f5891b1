"""What the config and the code ask of a table: equal digests, equal tables.

A table of an archive is taken in place of one computed here only if it was asked for by the same:
the rule's own parameters (run, seeds, settings, arithmetic), the data set, a user's own files, the
code of every file that the job runs, and the versions of the libraries that compute. Snakemake
knows all of these of each job; this asks its rules.
"""

import ast
import hashlib
import io
import json
import tokenize
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from snakemake.iocontainers import Wildcards

from code_stamps import stamped
from known import digest_of, finder, known, version

LIBRARIES = ("numpy", "scipy", "torch")


class Asked:
    """What is asked of each table, by the rules of a workflow.

    Args:
        rules: all rules that may make a table.
        source: the folder of the code.
    """

    def __init__(self, rules: Iterable[Any], source: Path) -> None:
        """Take the rules; nothing is looked at before it is asked for."""
        # As they are now: which of them make what may be said otherwise for the plan.
        self._makers = [(rule, rule.is_producer) for rule in rules]
        self._source = source
        self._digests: dict[str, dict[str, str] | None] = {}

    def job(self, path: str) -> tuple[Any, Wildcards] | None:
        """The rule that makes this file, and with which wildcards; None: nothing makes it."""
        for rule, is_producer in self._makers:
            if is_producer(path):
                return rule, Wildcards(fromdict=rule.get_wildcards(path))
        return None

    def siblings(self, path: str) -> list[str]:
        """All files that the job writes that writes this one."""
        found = self.job(path)
        return [str(file) for file in found[0].expand_output(found[1])[0]] if found else []

    def of(self, path: str) -> dict[str, str] | None:
        """Digests of the ``code``, ``config`` and ``versions`` that a table is asked for by."""
        if path not in self._digests:
            found = self.job(path)
            self._digests[path] = self._of_job(*found) if found else None
        return self._digests[path]

    def inputs(self, path: str) -> tuple[list[str], list[str]]:
        """The files of the code that the job runs which writes this one, and its other inputs."""
        found = self.job(path)
        return self._inputs(found[0].expand_input(found[1])[0]) if found else ([], [])

    def _inputs(self, files: Iterable[Any]) -> tuple[list[str], list[str]]:
        code: dict[str, None] = {}
        others: list[str] = []
        for file in map(str, files):
            if (found := _code(self._source, file)) is None:
                others.append(file)
            else:
                code |= found
        return list(code), others

    def _of_job(self, rule: Any, wildcards: Wildcards) -> dict[str, str]:
        files = rule.expand_input(wildcards)[0]
        outputs = rule.expand_output(wildcards)[0]
        # What Snakemake computes again for: parameters that follow from paths are none of them.
        _, parameters = rule.expand_params(wildcards, files, outputs, None)
        code, others = self._inputs(files)
        made = [self.of(file) or {"content": content_digest(file)} for file in others]
        config = [sorted(wildcards.items()), parameters, made]
        text = json.dumps(config, default=str).replace(str(self._source.parent), "")
        return {
            "code": code_digest(self._source, tuple(code)),
            "config": hashlib.sha256(text.encode()).hexdigest(),
            "versions": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
        }


@cache
def _code(source: Path, file: str) -> dict[str, None] | None:
    """The files of the code that an input is or stands for; None: it is something else."""
    if source in (absolute := Path(file).absolute()).parents:
        return {str(absolute): None}
    return dict.fromkeys(str(source / name) for name in stamped(file)) or None


@cache
def content_digest(file: str) -> str:
    """The sha256 of a user's own file; "none" of one that is not there."""
    path = Path(file)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "none"


@cache
def code_digest(source: Path, files: tuple[str, ...]) -> str:
    """The sha256 of what these files of ``source`` do, whatever their comments say."""
    names = {Path(file).absolute().relative_to(source).as_posix(): file for file in sorted(files)}

    def find() -> str:
        digest = hashlib.sha256()
        for name, file in names.items():
            digest.update(f"{name}\0{program(Path(file))}\0".encode())
        return digest.hexdigest()

    texts = [part for name, file in names.items() for part in (name, digest_of(Path(file)))]
    return known("program", [*texts, *finder(__file__)], find)


@cache
def program(file: Path) -> str:
    """A Python file's text without comments, docstrings, blank lines and space at lines' ends."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".py":
        return text
    lines = text.splitlines()
    spans = [(token.start, token.end) for token in _comments(text)] + _docstrings(text)
    for (first, begin), (last, end) in sorted(spans, reverse=True):
        head, tail = lines[first - 1][:begin], lines[last - 1][end:]
        lines[first - 1 : last] = [head + tail]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _comments(text: str) -> list[tokenize.TokenInfo]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token for token in tokens if token.type == tokenize.COMMENT]


def _docstrings(text: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where docstrings stand, in characters."""
    lines, spans = text.splitlines(), []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is None:
            continue
        said = node.body[0]
        assert said.end_lineno is not None and said.end_col_offset is not None
        start = len(lines[said.lineno - 1].encode()[: said.col_offset].decode())
        end = len(lines[said.end_lineno - 1].encode()[: said.end_col_offset].decode())
        spans.append(((said.lineno, start), (said.end_lineno, end)))
    return spans
