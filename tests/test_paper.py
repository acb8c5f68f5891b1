"""The example paper, built from another folder: figures in, numbers right, bytes the same."""

import os
import re
import shutil
import sys
from pathlib import Path

import pikepdf
import pypdf
import pytest
import yaml

import snakemake_here
from gradient_atlas.tables import files as tables

PAPER = Path(__file__).parents[1] / "examples/paper"
RESULTS = "gradient_atlas/results"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        shutil.which("latexmk") is None, reason="latexmk is not installed (texlive and latexmk)"
    ),
]


def snakemake(folder, *words):
    """Run the paper's workflow in its folder and return what it says."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["--snakefile", PAPER / "Snakefile", "--cores", "1", *words]
    done = snakemake_here.snakemake(command, folder, snakemake_here.users() | {"PATH": path})
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-3000:]
    return said


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere") / "a paper"
    folder.mkdir()
    for name in ("main.tex", "config.yaml"):
        shutil.copy(PAPER / name, folder)
    snakemake(folder)
    return folder


@pytest.fixture(scope="module")
def text(built):
    pages = pypdf.PdfReader(built / "main.pdf").pages
    return " ".join(" ".join(page.extract_text().split()) for page in pages)


def test_nothing_lands_outside_the_prefix(built):
    found = {path.name for path in built.iterdir() if not path.name.startswith("main.")}
    assert found == {".snakemake", "config.yaml", "gradient_atlas", "logs"}


def test_both_figures_stand_in_the_pdf_at_the_width_of_the_text(built):
    with pikepdf.open(built / "main.pdf") as document:
        forms = [
            form
            for page in document.pages
            for form in page.Resources.get("/XObject", {}).values()
            if form.Subtype == "/Form"
        ]
        widths = [float(form.BBox[2]) - float(form.BBox[0]) for form in forms]
    assert widths == pytest.approx([5.5 * 72] * 2, abs=0.1)


def test_threshold_in_the_abstract_is_that_of_the_table(built, text):
    table = tables.read(built / RESULTS / "dynamics/threshold").query("momentum == 0")
    printed = float(re.search(r"diverges above a learning rate of ([\d.]+),", text)[1])
    decimals = 5
    middle = (table["converging_rate"] + table["growing_rate"]).iloc[0] / 2
    assert printed == round(middle, decimals)


def test_losses_in_the_abstract_are_those_of_the_table(built, text):
    metrics = tables.read(built / RESULTS / "training/training_loss/metrics")
    metrics = metrics[metrics["variant"] == "relu_recommended"]
    ends = metrics[(metrics["epoch"] % 1 == 0) & (metrics["epoch"] > metrics["epoch"].max() - 3)]
    losses = ends.groupby("seed")["train_loss"].mean()
    printed = re.search(r"\(sigmoid\) and ([\d.]+) ?± ?([\d.]+) \(ReLU\)", text)
    digits = len(printed[1].partition(".")[2])
    assert float(printed[1]) == round(losses.mean(), digits)
    assert float(printed[2]) == round(losses.std(), digits)


def test_same_paper_same_bytes(built):
    before = (built / "main.pdf").read_bytes()
    for file in built.glob("main.*"):
        if file.name != "main.tex":
            file.unlink()
    snakemake(built)
    assert (built / "main.pdf").read_bytes() == before


def test_another_venue_redraws_and_computes_nothing(built):
    file = built / "config.yaml"
    before = file.read_text()
    config = yaml.safe_load(before)
    config["gradient_atlas"]["style"] = {"venue": "icml", "column": "half"}
    file.write_text(yaml.safe_dump(config))
    try:
        said = snakemake(built, "--dry-run")
    finally:
        file.write_text(before)
    rules = set(re.findall(r"^\s*(?:local)?rule (\w+):", said, re.MULTILINE))
    assert rules == {"atlas_draw_figure", "atlas_check_figure", "paper"}
    assert "Nothing to be done" in snakemake(built, "--dry-run")
