"""A figure as a config makes it: everything in it that a reader reads, found without its PDF."""

import argparse
import fcntl
import hashlib
import json
import pickle
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, FuncFormatter

import workflow_in_process
from figure_modules import claims_of, drawing_of
from gradient_atlas.claims.claim import Claim
from gradient_atlas.drawing.drawn_data import drawn_data
from gradient_atlas.drawing.style import style_from
from gradient_atlas.tables.files import gather
from workflow_in_process import Job


@dataclass(frozen=True)
class Built:
    """What a reader sees of a figure.

    Attributes:
        texts: each text by its place: ``drawn 3``, ``caption``, ``macros``, ``claim.condition``.
        drawn: the table of ``drawing.drawn_data``.
        claims: as declared, with their measured values.
    """

    texts: Mapping[str, str]
    drawn: pd.DataFrame
    claims: list[Claim]


class Workshop:
    """Builds figures from configs; keeps each job's output for the next config that needs it."""

    def __init__(self, folder: Path, kept: Path, together: Sequence[str], plans: Path) -> None:
        """Build in ``folder``, keep the outputs of jobs in ``kept``.

        A config that is asked for by ``plan_together`` is planned once, for all figures that are
        named by ``together`` and all workers of pytest, which share the folder ``plans``.
        """
        self.folder, self.kept, self.together, self.plans = folder, kept, together, plans
        self._plans: dict[str, list[Job]] = {}
        self._built: dict[tuple[str, str], Built] = {}

    def plan(self, config: Mapping[str, Any], figures: Sequence[str]) -> list[Job]:
        """The jobs that figures of a config need."""
        # A finished job would be none of the plan.
        shutil.rmtree(self.folder, ignore_errors=True)
        targets = [f"figures/{figure}.pdf" for figure in figures]
        return workflow_in_process.plan({**config, "figures": list(figures)}, targets, self.folder)

    def plan_together(self, config: Mapping[str, Any], figure: str) -> list[Job]:
        """The jobs that one figure needs, its drawing the last, of a plan for all figures."""
        key = json.dumps(config)
        if key not in self._plans:
            self.plans.mkdir(parents=True, exist_ok=True)
            file = self.plans / hashlib.sha256(key.encode()).hexdigest()
            with file.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not file.exists():
                    file.write_bytes(pickle.dumps(self.plan(config, self.together)))
            self._plans[key] = pickle.loads(file.read_bytes())
        return workflow_in_process.needed(self._plans[key], f"figures/{figure}.pdf")

    def build_together(self, config: Mapping[str, Any], figure: str) -> Built:
        """As ``build``, of a config that every figure is asked of; what was built is remembered."""
        key = json.dumps(config), figure
        if key not in self._built:
            self._built[key] = self._build(self.plan_together(config, figure), figure)
        return self._built[key]

    def build(self, config: Mapping[str, Any], figure: str) -> Built:
        """Compute the figure's tables, draw it, write its caption, decide its claims."""
        return self._build(self.plan(config, [figure]), figure)

    def _build(self, jobs: Sequence[Job], figure: str) -> Built:
        *computing, drawing = jobs
        assert drawing.rule == "draw_figure"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        workflow_in_process.run(computing, self.folder, self.kept)
        parser = argparse.ArgumentParser()
        for option in ("--tables", "--sweeps", "--style"):
            parser.add_argument(option, type=json.loads, default={})
        parser.add_argument("--results", type=Path)
        given, _ = parser.parse_known_args(drawing.arguments)
        tables = gather(given.tables, self.folder / given.results, given.sweeps)
        return _built(figure, tables, given.style)


def _built(figure: str, tables: dict[str, pd.DataFrame], style: Mapping[str, Any]) -> Built:
    draw, write_caption = drawing_of(figure)
    claims = claims_of(figure)(tables)
    chosen = style_from(dict(style))
    with chosen.applied():
        drawing = draw(tables, chosen)
        # Texts are read as maths only when they are laid out; a wrong formula fails here.
        drawing.draw_without_rendering()
        texts = {f"drawn {number}": text for number, text in enumerate(_drawn_texts(drawing))}
        drawn = drawn_data(drawing)
        plt.close(drawing)
    caption = write_caption(tables)
    texts |= {"caption": caption.plain(), "macros": caption.macros(figure)}
    for claim in claims:
        # The statement is a quotation and keeps the numbers of its source.
        for part in ("condition", "quantity", "remark"):
            texts[f"{claim.claim}.{part}"] = getattr(claim, part)
    return Built(texts, drawn, claims)


def _drawn_texts(figure: Figure) -> list[str]:
    """Every visible text but the numbers of an axis, which its limits give."""
    numbers = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if not isinstance(axis.get_major_formatter(), FixedFormatter | FuncFormatter):
                numbers |= set(map(id, axis.get_ticklabels(which="both")))
            numbers |= set(map(id, axis.get_ticklabels(minor=True)))
    found = figure.findobj(lambda artist: isinstance(artist, Text) and artist.get_visible())
    return [text.get_text() for text in found if text.get_text() and id(text) not in numbers]
