"""The site: every link leads somewhere, nothing is fetched, a telephone or a keyboard is enough."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

import workflow_in_process
from browser import needs_chromium, visit
from configuration import complete
from gradient_atlas.claims.claim import Claim, to_frame
from gradient_atlas.drawing.bundle import write_bundle
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.style import Style
from gradient_atlas.report.site import FILES, PAGES
from gradient_atlas.tables import files as tables
from gradient_atlas.tables.schemas.theory import LINEAR_CHAIN

PROJECT = Path(__file__).parents[1]
FIGURES = ("growing_norms", "falling_norms")
THEME = "https://github.com/pradyunsg/furo"  # named at the foot of every page


class Addresses(HTMLParser):
    """Every address that a page asks for, and every anchor that it has."""

    def __init__(self, page):
        super().__init__()
        self.addresses, self.anchors = [], set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.anchors |= {given.get("id"), given.get("name")}
        self.addresses += [given[key] for key in ("href", "src") if key in given]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site of two made-up figures, with the project's own pages and its whole interface."""
    folder, style = tmp_path_factory.mktemp("site"), Style(png_resolution=50)
    claims = {}
    for position, name in enumerate(FIGURES):
        caption = Caption(r"Norms of $W^{(\ell)}$: [[factor]] a layer.", {"factor": Number(0.25)})
        with style.applied():
            figure, (axes,) = style.new_figure(1)
            axes.plot([1, 2])
            write_bundle(figure, caption, name, folder / f"figures/{name}", style)
        text, values = f"it is {name}", [0.5 + position, 0.5 + position]
        claims[name] = [Claim(f"a/{name}", "V1", text, "always", "factor", values, 0.4, 0.6)]
    to_frame(claims).to_parquet(folder / "claims.parquet")
    rows = {"factor": [0.5], "layer": [1], "gradient": [0.5]}
    tables.write(LINEAR_CHAIN, rows, folder / "results/chain/part.parquet", {"layers": 1})
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    words = ["--figures", *(str(folder / f"figures/{name}.svg") for name in FIGURES)]
    words += ["--tables", json.dumps({name: ["chain"] for name in FIGURES})]
    words += ["--config", json.dumps({name: {"theory": {"chain": 1}} for name in FIGURES})]
    words += ["--results", str(folder / "results"), "--claims", str(folder / "claims.parquet")]
    done = subprocess.run(
        [sys.executable, PROJECT / "src/write_site.py", *words, "--output", folder / "built"],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return folder / "built"


@pytest.mark.long
def test_every_link_leads_to_a_file_and_an_anchor_of_the_site(site):
    read = {page: Addresses(page) for page in site.rglob("*.html")}
    assert len(read) > 20
    followed = 0
    for page, found in read.items():
        for address in found.addresses:
            parts = urlsplit(address)
            if parts.scheme in ("http", "https") and address in _said_elsewhere():
                continue  # the words of a page may name an address; that is not the site's to keep
            assert not parts.scheme, (page, address)
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), (page, address)
            assert site in target.parents, (page, address)
            if parts.fragment and target.suffix == ".html":
                assert unquote(parts.fragment) in read[target].anchors, (page, address)
            followed += 1
    assert followed > 1000


def _said_elsewhere():
    """Addresses outside that the theme or the project's own pages give for reading on."""
    return [THEME] + [
        address
        for page in [*PROJECT.glob("*.md"), *PROJECT.glob("*/*.md"), *PROJECT.glob("*/*/*.md")]
        for address in re.findall(r"\((https?://[^)\s]+)\)", page.read_text(encoding="utf-8"))
    ]


@pytest.mark.long
def test_a_figures_page_has_caption_verdict_config_and_every_file(site):
    page = (site / "figures/falling_norms.html").read_text(encoding="utf-8")
    for said in ("<math", "it is falling_norms", "refuted", "theory:", "results/chain"):
        assert said in page, said
    for ending in FILES:
        assert f'href="falling_norms.{ending}"' in page
        assert (site / f"figures/falling_norms.{ending}").stat().st_size > 0


@pytest.mark.long
def test_the_start_page_shows_every_figure(site):
    page = (site / "index.html").read_text(encoding="utf-8")
    for name in FIGURES:
        assert f'href="figures/{name}.html"' in page
        assert f'src="figures/{name}.png"' in page
    assert "1 supported, 1 refuted" in page


@pytest.mark.long
def test_the_interface_says_what_the_docstrings_say(site):
    page = (site / "api/watching.html").read_text(encoding="utf-8")
    assert 'id="gradient_atlas.watching.watch.watch"' in page or "watching.watch" in page


def test_every_figure_of_the_default_build_has_its_part_of_the_config(tmp_path):
    jobs = workflow_in_process.plan({"tables": None}, ["site"], tmp_path)
    (job,) = [job for job in jobs if job.rule == "site"]
    config = json.loads(job.arguments[job.arguments.index("--config") + 1])
    default = yaml.safe_load((PROJECT / "config/config.yaml").read_text())
    assert list(config) == default["figures"]
    for figure, part in config.items():
        assert any(part.values()), figure
    assert config["flow_sharpness"] == {"dynamics": {"sharpness": default["dynamics"]["sharpness"]}}
    sweeps = config["early_layer_learning"]["training"]["sweeps"]
    assert sweeps["early_layer_learning"] == default["training"]["sweeps"]["early_layer_learning"]


@pytest.mark.long
@needs_chromium
def test_a_browser_reads_every_page_offline_on_a_telephone_and_by_keyboard(site, tmp_path):
    pages = sorted(site.rglob("*.html"))
    seen, console = visit(pages, tmp_path)
    assert console == []
    assert len(seen) == len(pages)
    for page in seen:
        place = page["page"]
        assert page["title"], place
        assert page["width"] <= 360, (place, page["wide"])
        assert all(image["alt"] and image["natural"] > 0 for image in page["images"]), place
        assert [one for one in page["fetched"] if not one.startswith(("file:", "data:"))] == []
        assert page["focusable"] > 5, place
        assert (page["unreached"], page["unmarked"], page["jumps"]) == ([], [], []), place


@pytest.mark.long
@needs_chromium
def test_a_browser_would_notice_what_is_wrong(tmp_path):
    broken = tmp_path / "broken.html"
    broken.write_text(
        '<img src="http://127.0.0.1:9/x.png"><p style="width: 900px; border: 1px solid">wide</p>'
        '<a href="x" style="outline: none">unmarked</a><button tabindex="5">first</button>'
        "<script>undefined_function()</script>"
    )
    (page,), console = visit([broken], tmp_path)
    assert any("undefined_function" in line for line in console)
    assert page["width"] > 360
    assert "wide" in page["wide"][0]
    assert page["fetched"] == ["http://127.0.0.1:9/x.png"]
    assert page["images"] == [{"alt": "", "natural": 0}]
    assert "unmarked" in page["unmarked"][0]
    assert "first" in page["jumps"][0]


@pytest.mark.parametrize("tutorial", PAGES["Tutorials"])
def test_what_a_tutorial_tells_to_write_is_right(tutorial, tmp_path, monkeypatch):
    text = (PROJECT / f"{tutorial}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(python|yaml)\n# (\S+)\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    for _, name, content in blocks:
        (tmp_path / Path(name).name).write_text(content)
        compile(content, name, "exec") if name.endswith(".py") else None
    for file in tmp_path.glob("make_*.py"):
        subprocess.run([sys.executable, file], check=True)
    for file in tmp_path.glob("*.yaml"):
        schema = PROJECT / "workflow/schemas/config.schema.yaml"
        config = complete(yaml.safe_load(file.read_text()), PROJECT / "config/config.yaml", schema)
        assert set(config["figures"]) <= {path.stem for path in PROJECT.glob("src/figures/*.py")}
    if tutorial == "docs/tutorial_data":
        assert {file.name for file in tmp_path.iterdir()} >= {"images.npz", "mine.yaml"}
