"""The archive of a build: which files it has, and which job made each."""

import json
from collections.abc import Collection, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from asked import Asked
from gradient_atlas.tables.archive import write_archive
from gradient_atlas.tables.crate import Job, crate

CONFIG = "build.yaml"  # in the archive: the config that the build was asked for by
WORKFLOW = "workflow/Snakefile"
# What a build needs of the project, and what says how it may be used.
_PROJECT = ("workflow/**/*", "src/**/*", "config/*", "environment.yml", "requirements.txt")
_PROJECT_SAYS = ("CITATION.cff", "LICENSE", "Makefile", "README.md", "pyproject.toml")
# Where the builder's machine found things is nobody else's matter.
_PRIVATE = ("mirror", "robustness", "tables")
# Whatever else a job writes is drawn again, from tables, in no time.
_KEPT = (".parquet", ".pdf", ".tex", ".md")


def build_config(config: Mapping[str, Any]) -> str:
    """The complete config of a build, as a file that ``--configfile`` takes."""
    plain = json.loads(json.dumps({key: config[key] for key in config if key not in _PRIVATE}))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)


def project_files(project: Path) -> list[str]:
    """The files of the project that go into an archive, sorted."""
    found = {file for pattern in (*_PROJECT, *_PROJECT_SAYS) for file in project.glob(pattern)}
    return sorted(
        str(file)
        for file in found
        if file.is_file()
        and not any(
            part.startswith((".", "__pycache__")) or part.endswith(".egg-info")
            for part in file.relative_to(project).parts
        )
    )


def write_crate(
    asked: Asked,
    made: Iterable[str],
    tables: Collection[str],
    config: str,
    project: Path,
    prefix: str,
    target: Path,
) -> None:
    """Write the archive of a build's results.

    Args:
        asked: what is asked of each file.
        made: the files to hand on; what their jobs wrote besides goes with them.
        tables: those of them that another build may take in place of its own.
        config: what ``build_config`` gives.
        project: the project's folder.
        prefix: what a ``module`` puts before every path.
        target: the file to write.
    """
    files: dict[str, Path | bytes] = {CONFIG: config.encode()}
    for file in project_files(project):
        files[Path(file).relative_to(project).as_posix()] = Path(file)
    jobs: dict[str, Job] = {}
    read: dict[str, None] = {}  # what no job made, or of what not all is here
    for path in made:
        outputs = [file for file in asked.siblings(path) if file.endswith(_KEPT)]
        if outputs[0] in jobs:
            continue
        files |= {file.removeprefix(prefix): Path(file) for file in outputs}
        code, others = asked.inputs(path)
        for file in others:
            if place := _place_of(file, asked, prefix):
                files[place] = Path(file)
                read[place] = None
        rule, wildcards = asked.job(path) or (None, {})
        said = [f"{key}={value}" for key, value in wildcards.items()]
        jobs[outputs[0]] = Job(
            name=" ".join([getattr(rule, "name", ""), *said]),
            script=Path(code[0]).absolute().relative_to(project).as_posix(),
            inputs=[_place_of(file, asked, prefix) or file.removeprefix(prefix) for file in others],
            outputs=[file.removeprefix(prefix) for file in outputs],
            asked=asked.of(path) if path in tables else None,
        )
    citation = yaml.safe_load((project / "CITATION.cff").read_text(encoding="utf-8"))

    def describe(known: Mapping[str, dict[str, str]]) -> dict[str, Any]:
        # Of a data set the archive has what it is, and not its arrays.
        listed = [
            Job(
                job.name,
                job.script,
                [file for file in job.inputs if file in known],
                job.outputs,
                job.asked,
            )
            for job in jobs.values()
        ]
        inputs = [CONFIG, *sorted(read)]
        return crate(known, listed, citation, WORKFLOW, inputs, version("snakemake"))

    write_archive(files, describe, target)


def _place_of(file: str, asked: Asked, prefix: str) -> str:
    """Where in the archive an input lies that is no result: a data set's description, own code."""
    if file.endswith("/dataset.json"):
        return file.removeprefix(prefix)
    own = file.endswith(".py") and asked.job(file) is None
    return f"own/{file.lstrip('./')}" if own else ""
