"""The site's source: the project's own pages as they lie in the repository, and those of a build.

A folder that mirrors the repository, so that a link from one page to another is right in both, with
the start page, a page a figure and the documentation of the library added. Sphinx makes the site
of it.
"""

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from gradient_atlas.claims.sources_page import read_sentences, to_markdown
from gradient_atlas.report.entries import Entry
from gradient_atlas.report.pages import figure_page, start_page

# Pages of the repository, by the heading that they stand under in the site's list; one whose own
# title says too little there has another before its path. Other pages of docs/ follow under "Use".
PAGES = {
    "Begin": ["First steps <README>"],
    "Tutorials": ["docs/tutorial_figure", "docs/tutorial_data", "docs/tutorial_network"],
    "Is it right?": [
        "docs/sources",
        "docs/robustness",
        "docs/reproducibility",
        "docs/referee",
    ],
    "Use": [
        "docs/own_network",
        "examples/own_network/README",
        "examples/paper/README",
        "docs/cluster",
    ],
    "Look up": ["config/README", "results/README", "docs/benchmarks"],
}
# What can be taken from a figure's page, by ending.
FILES = {
    "pdf": "PDF",
    "svg": "SVG",
    "png": "PNG",
    "tex": "LaTeX with caption and numbers",
    "csv": "CSV of what is drawn",
}
_RAW = "~~~~~~~~{raw} html\n%s\n~~~~~~~~\n"


def write_source(
    project: Path,
    source: Path,
    entries: Sequence[Entry],
    claims: pd.DataFrame,
    tables: Mapping[str, Sequence[str]],
    config: Mapping[str, str],
) -> None:
    """Write all pages, for Sphinx to read.

    Args:
        project: the folder of the repository, whose own pages are taken.
        source: the folder to write.
        entries: the figures.
        claims: the table ``claims``.
        tables: the data sets of each figure.
        config: the part of the config that each figure's tables are made by, as YAML.
    """
    own = pages_of(project)
    for listed in [page for pages in own.values() for page in pages]:
        page = listed.split("<")[-1].rstrip(">")
        (source / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project / f"{page}.md", source / f"{page}.md")
    # What the gallery is in the repository, the start page is here.
    readme = (source / "README.md").read_text(encoding="utf-8")
    readme = readme.replace("](docs/gallery.md)", "](index.md)")
    (source / "README.md").write_text(readme, encoding="utf-8")
    shutil.copytree(project / "docs/gallery", source / "docs/gallery", dirs_exist_ok=True)
    for picture in (project / "docs").glob("*.png"):
        shutil.copy(picture, source / "docs")
    sentences, beyond = read_sentences()
    text = to_markdown(sentences, beyond, claims, "../figures/{}.md")
    (source / "docs/sources.md").write_text(text, encoding="utf-8")
    (source / "figures").mkdir()
    for entry in entries:
        body = figure_page(entry, claims, _files(entry), tables[entry.name], config[entry.name])
        page = f"# {entry.title}\n\n{_RAW % body}"
        (source / f"figures/{entry.name}.md").write_text(page, encoding="utf-8")
    interface = write_interface(project / "src/gradient_atlas", source / "api")
    lists = own | {"Figures": [f"figures/{entry.name}" for entry in entries]}
    lists["Library"] = [f"api/{name}" for name in interface]
    start = "# Gradient Atlas\n\n" + _opening(project / "README.md")
    start += "\n" + _RAW % start_page([_seen_from_start(entry) for entry in entries], claims)
    for heading, pages in lists.items():
        start += f"\n```{{toctree}}\n:hidden:\n:caption: {heading}\n\n"
        start += "\n".join(pages) + "\n```\n"
    (source / "index.md").write_text(start, encoding="utf-8")


def pages_of(project: Path) -> dict[str, list[str]]:
    """Return ``PAGES`` with every other page of docs/ among those that are for use."""
    listed = {page for pages in PAGES.values() for page in pages} | {"docs/gallery"}
    others = [f"docs/{file.stem}" for file in sorted((project / "docs").glob("*.md"))]
    return PAGES | {"Use": PAGES["Use"] + [page for page in others if page not in listed]}


def write_interface(package: Path, folder: Path) -> list[str]:
    """Write a page a part of the library for autodoc to fill; return the pages' names."""
    folder.mkdir(parents=True)
    parts: dict[str, list[str]] = {}
    for file in sorted(package.rglob("*.py")):
        place = file.relative_to(package.parent).with_suffix("").parts
        module = ".".join(place[:-1] if place[-1] == "__init__" else place)
        if len(place) > 2 and place[-1] != "__main__":
            parts.setdefault(place[1], []).append(module)
        elif place[-1] not in ("__main__", "__init__"):
            parts.setdefault(package.name, []).append(module)
    for part, modules in parts.items():
        text = f"# {part.replace('_', ' ').capitalize()}\n"
        for module in modules:
            name = module.removeprefix(f"{package.name}.")
            text += f"\n## {name}\n" if name != part else ""
            text += f"\n```{{eval-rst}}\n.. automodule:: {module}\n```\n"
        (folder / f"{part}.md").write_text(text, encoding="utf-8")
    return sorted(parts)


def _opening(readme: Path) -> str:
    """What the README says before its first picture: what the project is."""
    return readme.read_text(encoding="utf-8").split("\n", 1)[1].split("![", 1)[0].strip() + "\n"


def _files(entry: Entry) -> dict[str, str]:
    return {what: f"{entry.name}.{ending}" for ending, what in FILES.items()}


def _seen_from_start(entry: Entry) -> Entry:
    """The figure with its picture addressed from the start page, not from the figure's own."""
    return dataclasses.replace(entry, image=f"figures/{entry.image}")
