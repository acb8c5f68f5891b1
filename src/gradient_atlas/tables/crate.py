"""What an archive of results says of itself: the metadata of an RO-Crate.

The crate is RO-Crate 1.1 (https://w3id.org/ro/crate/1.1) in the profile Workflow Run Crate 0.5
(Leo et al., PLOS ONE 19(9), 2024): the workflow, the files that it wrote, and each job as the
action of a script. No action has a time or an agent, since outputs know no clock and no user.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

METADATA = "ro-crate-metadata.json"
_TERMS = "https://w3id.org/ro/terms/"
_CONTEXT = [
    "https://w3id.org/ro/crate/1.1/context",
    {"sha256": f"{_TERMS}workflow-run#sha256"}
    | {
        term: f"{_TERMS}gradient-atlas#{term}"
        # Of an action: what its results were asked for by. Of a file: the sha256 of the table that
        # it holds, which `tables.packing` has encoded anew.
        for term in ("codeDigest", "configDigest", "libraryVersions", "tableSha256")
    },
]
_ASKED = {"code": "codeDigest", "config": "configDigest", "versions": "libraryVersions"}
_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
_SNAKEMAKE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
_TYPES = {
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".tex": "text/x-tex",
    ".md": "text/markdown",
    ".rst": "text/x-rst",
    ".html": "text/html",
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".cff": "application/yaml",
    ".py": "text/x-python",
}

Entity = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A job of the workflow, by the paths of its files in the crate.

    Attributes:
        name: its rule and wildcards, in words.
        script: the file of code that it ran.
        inputs: files and data that it read and that the crate has.
        outputs: files that it wrote.
        asked: digests of code, config and versions, if another build may take what it wrote.
    """

    name: str
    script: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    asked: Mapping[str, str] | None = None


def crate(
    files: Mapping[str, Entity],
    jobs: Iterable[Job],
    citation: Mapping[str, Any],
    workflow: str,
    inputs: Sequence[str],
    snakemake: str,
) -> Entity:
    """Return the content of ``ro-crate-metadata.json``.

    Args:
        files: every file's ``contentSize``, ``sha256`` and what else is known, by its path.
        jobs: what was run.
        citation: the content of ``CITATION.cff``.
        workflow: the path of the workflow's main file.
        inputs: paths of what a build was asked for by: its config and data sets.
        snakemake: the version of Snakemake.
    """
    jobs = list(jobs)
    licence = f"https://spdx.org/licenses/{citation['license']}"
    authors = [_author(author) for author in citation["authors"]]
    scripts = {job.script for job in jobs}
    about: dict[str, Entity] = {
        script: {"@type": ["File", "SoftwareSourceCode"], "version": citation["version"]}
        for script in scripts
    }
    about["README.md"] = {"about": _to("./")}
    about[workflow] = {
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        "name": citation["title"],
        "version": citation["version"],
        "programmingLanguage": _to(_SNAKEMAKE),
        "author": _all(author["@id"] for author in authors),
    }
    actions = [_action(job) for job in jobs]
    build = {
        "@id": "#build",
        "@type": "CreateAction",
        "name": "build",
        "description": "The run of the workflow that wrote every table, figure and claim.",
        "instrument": _to(workflow),
        "object": _files(inputs),
        "result": _files(sorted({output for job in jobs for output in job.outputs})),
    }
    return {
        "@context": _CONTEXT,
        "@graph": [
            {
                "@id": METADATA,
                "@type": "CreativeWork",
                "about": _to("./"),
                "conformsTo": _all(["https://w3id.org/ro/crate/1.1", list(_PROFILES)[-1]]),
            },
            {
                "@id": "./",
                "@type": "Dataset",
                "name": citation["title"],
                "description": "Tables, figures and decided claims of one build, with the code "
                "and the config that made them. Each table's own metadata holds its parameters.",
                "datePublished": str(citation["date-released"]),
                "version": citation["version"],
                "license": _to(licence),
                "author": _all(author["@id"] for author in authors),
                "publisher": _all(author["@id"] for author in authors),
                "conformsTo": _all(_PROFILES),
                "mainEntity": _to(workflow),
                "mentions": _all(action["@id"] for action in [build, *actions]),
                "hasPart": _files(files),
            },
            *(
                {"@id": address, "@type": "CreativeWork", "name": name, "version": version}
                for address, (name, version) in _PROFILES.items()
            ),
            {"@id": licence, "@type": "CreativeWork", "name": f"{citation['license']} License"},
            *authors,
            {
                "@id": _SNAKEMAKE,
                "@type": "ComputerLanguage",
                "name": "Snakemake",
                "version": snakemake,
                "identifier": _to("https://snakemake.readthedocs.io"),
                "url": _to("https://snakemake.readthedocs.io"),
            },
            build,
            *actions,
            *(
                {
                    "@id": _address(path),
                    "@type": "File",
                    "name": path,
                    "encodingFormat": _TYPES.get(PurePosixPath(path).suffix, "text/plain"),
                    "license": _to(licence),
                }
                | dict(known)
                | about.get(path, {})
                for path, known in files.items()
            ),
        ],
    }


def tables_of(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return of each table that may be taken its digests, and what it was asked for by.

    Args:
        document: the content of ``ro-crate-metadata.json``.

    Raises:
        KeyError, TypeError: it is no such crate's.
    """
    entities = {entity["@id"]: entity for entity in document["@graph"]}
    found = {}
    for action in entities.values():
        if action["@type"] != "CreateAction" or _ASKED["code"] not in action:
            continue
        results = action["result"]
        for result in results if isinstance(results, list) else [results]:
            file = entities[result["@id"]]
            found[unquote(file["@id"])] = {
                "sha256": file["sha256"],
                "table": file.get("tableSha256"),
                "asked": {key: action[term] for key, term in _ASKED.items()},
            }
    return found


def _action(job: Job) -> Entity:
    asked = {_ASKED[key]: value for key, value in (job.asked or {}).items()}
    return {
        "@id": f"#{_address(job.outputs[0])}",
        "@type": "CreateAction",
        "name": job.name.partition(" ")[0],
        "description": job.name,
        "instrument": _to(_address(job.script)),
        "object": _files(job.inputs),
        "result": _files(job.outputs),
    } | asked


def _author(author: Mapping[str, Any]) -> Entity:
    """An author of ``CITATION.cff``: a person has family names, anything else a name."""
    person = "family-names" in author
    name = author.get("name") or " ".join(
        author[key] for key in ("given-names", "family-names") if key in author
    )
    return {
        "@id": author.get("orcid") or author.get("website") or f"#{name.replace(' ', '-')}",
        "@type": "Person" if person else "Organization",
        "name": name,
    }


def _address(path: str) -> str:
    """A path as the address that it has in the crate; ``=`` and ``,`` of a table's may stand."""
    return quote(path, safe="/=,")


def _files(paths: Iterable[str]) -> Entity | list[Entity]:
    return _all(map(_address, paths))


def _to(identifier: str) -> Entity:
    return {"@id": identifier}


def _all(identifiers: Iterable[str]) -> Entity | list[Entity]:
    """References to these; to one alone without a list, as RO-Crate has it."""
    references = [_to(identifier) for identifier in identifiers]
    return references[0] if len(references) == 1 else references
