"""The zip for authors: what is in it, that LaTeX takes it without a warning, and its captions."""

import hashlib
import importlib
import json
import re
import shutil
import subprocess
import zipfile

import pypdf
import pytest
from matplotlib import pyplot as plt

import tables_of_dynamics
import tables_of_networks
from gradient_atlas.drawing.bundle import write_bundle
from gradient_atlas.drawing.caption import ABOVE_CAPTION, height_in_paper
from gradient_atlas.drawing.figure_style import style_of
from gradient_atlas.drawing.paper_bundle import write_paper_bundle
from gradient_atlas.drawing.style import Style
from gradient_atlas.drawing.venues import caption_font

FIGURES = ("remedies", "quadratic_trajectories")
needs_latex = pytest.mark.skipif(
    shutil.which("latexmk") is None, reason="latexmk is not installed (Debian: latexmk)"
)


def written(folder, style, panels=()):
    """A zip of two figures of made-up tables."""
    pdfs = []
    for name in FIGURES:
        module = importlib.import_module(f"figures.{name}")
        make = getattr(tables_of_networks, name, None) or getattr(tables_of_dynamics, name)
        tables = next(iter(make()))
        caption = module.caption(tables)
        wanted = panels if name == "remedies" else ()
        if wanted:
            caption = caption.of_panels(wanted)
        own = style_of(style, name, wanted, caption.plain())
        with own.applied():
            drawn = module.draw(tables, own)
            write_bundle(drawn, caption, name, folder / f"drawn/{name}", own)
            plt.close(drawn)
        pdfs.append(folder / f"drawn/{name}.pdf")
    origins = {name: {"table": {"shared": {}, "files": []}} for name in FIGURES}
    write_paper_bundle(folder / "bundle.zip", pdfs, style, origins, "a licence")
    return folder / "bundle.zip"


def test_same_figures_same_bytes_and_every_file_has_its_sum(tmp_path):
    first, again = (written(tmp_path / name, Style("neurips")) for name in "xy")
    assert first.read_bytes() == again.read_bytes()
    with zipfile.ZipFile(first) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    sums = json.loads(held.pop("provenance.json"))["sha256"]
    assert sums == {name: hashlib.sha256(content).hexdigest() for name, content in held.items()}
    assert {"main.tex", "README.txt", "LICENSE", "figures/remedies.pdf"} <= set(held)
    assert not any("layout" in name or name.endswith(".png") for name in held)


@pytest.mark.long
@needs_latex
@pytest.mark.parametrize(
    ("style", "panels", "columns"),
    [(Style("neurips"), (), 1), (Style("icml", "half"), ("a", "c"), 2), (Style("icml"), (), 2)],
)
def test_latex_takes_it_without_a_warning(tmp_path, style, panels, columns):
    with zipfile.ZipFile(written(tmp_path, style, panels)) as archive:
        archive.extractall(tmp_path / "paper")
    command = ["latexmk", "-pdf", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    done = subprocess.run(command, cwd=tmp_path / "paper", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    log = (tmp_path / "paper/main.log").read_text()
    assert not re.findall(r"^.*(?:Warning|Overfull|too large).*$", log, re.MULTILINE)
    text = (tmp_path / "paper/main.tex").read_text()
    assert ("twocolumn" in text) == (columns == 2)
    # Captions have the size that the drawing's height was reckoned with.
    assert ("font=small" in text) == (caption_font(style.venue) == 9)
    pages = pypdf.PdfReader(tmp_path / "paper/main.pdf").pages
    said = " ".join(" ".join(page.extract_text().split()) for page in pages)
    assert "Every remedy alone" in said
    assert len(re.findall(r"Figure \d:", said)) == 2


@pytest.mark.long
@needs_latex
@pytest.mark.parametrize(("width", "size"), [(397.485, 10), (234.8775, 9), (252.0, 9)])
def test_captions_are_no_higher_than_is_kept_for_them(tmp_path, width, size):
    captions = {}
    for module in (tables_of_networks, tables_of_dynamics):
        for name in ("training_loss", "remedies", "quadratic_trajectories", "central_flow"):
            if hasattr(module, name):
                tables = next(iter(getattr(module, name)()))
                captions[name] = importlib.import_module(f"figures.{name}").caption(tables)
    lines = [r"\documentclass{article}\usepackage{amsmath,amssymb}\begin{document}"]
    for name, caption in captions.items():
        lines.append(caption.macros(name))
        lines.append(
            rf"\setbox0=\vbox{{\hsize={width}pt\fontsize{{{size}}}{{{1.2 * size:g}}}\selectfont"
            rf"\noindent Figure 1: {caption.latex(name)}\par}}"
            rf"\typeout{{H \the\ht0 D \the\dp0 E}}"
        )
    (tmp_path / "x.tex").write_text("\n".join([*lines, r"\end{document}"]))
    subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "x.tex"], cwd=tmp_path, capture_output=True
    )
    log = (tmp_path / "x.log").read_text()
    heights = [sum(map(float, pair)) for pair in re.findall(r"H ([\d.]+)pt ?D ([\d.]+)pt ?E", log)]
    assert len(heights) == len(captions)
    for height, caption in zip(heights, captions.values(), strict=True):
        kept = height_in_paper(caption.plain(), width, size) - ABOVE_CAPTION
        assert height <= kept + 0.5 * size <= 1.35 * height + 2 * size


def test_of_a_one_column_paper_the_caption_is_as_wide_as_the_text():
    words = "word " * 200
    half, full = (style_of(Style("neurips", c), "x", (), words) for c in ("half", "full"))
    assert half.caption_height == full.caption_height
    half, full = (style_of(Style("icml", c), "x", (), words) for c in ("half", "full"))
    assert half.caption_height > 1.9 * full.caption_height
