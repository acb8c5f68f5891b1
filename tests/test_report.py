"""The report page: complete, readable in a browser without a network."""

import dataclasses
import math

import pandas as pd
import pytest

from browser import measure, needs_chromium
from gradient_atlas.claims.claim import Claim, to_frame
from gradient_atlas.drawing.bundle import write_bundle
from gradient_atlas.drawing.caption import Caption, Number
from gradient_atlas.drawing.style import Style
from gradient_atlas.errors import InputError
from gradient_atlas.report.entries import Entry, image_address, parameters_of, runtimes
from gradient_atlas.report.maths import spoken, with_maths
from gradient_atlas.report.pages import figure_page, page, start_page
from gradient_atlas.tables import files as tables
from gradient_atlas.tables.schemas.theory import LINEAR_CHAIN

CAPTION = Caption(
    r"Norms of $\|\partial L/\partial W^{(\ell)}\|_F$ fall by [[factor]] per layer & more.",
    {"factor": Number(0.25, spread=0.01)},
)
CLAIMS = to_frame(
    {
        "one": [
            Claim("a", "V1", "it halves", "always", "factor", [0.5, 0.5], 0.4, 0.6),
            Claim("b", "V2", "it is < 0", "always", "factor", [0.5, 0.5], upper=0.0, remark="No."),
        ],
        "two": [Claim("c", "V3", "never seen", "always", "factor", [math.nan], lower=0.0)],
    }
)


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    folder, style, found = tmp_path_factory.mktemp("bundles"), Style(png_resolution=50), []
    for name in ("one", "two"):
        with style.applied():
            figure, (axes,) = style.new_figure(1)
            axes.plot([1, 2])
            write_bundle(figure, CAPTION, name, folder / name, style)
        svg = folder / f"{name}.svg"
        image = image_address(svg, svg.with_suffix(".png"))
        caption = svg.with_suffix(".md").read_text()
        found.append(Entry(name, "training", caption, image, {"depth": "1, 2"}))
    return found


def test_maths_becomes_mathml_and_text_is_escaped():
    text = with_maths(CAPTION.plain())
    assert "&amp; more" in text
    assert "<math" in text
    assert "$" not in text


def test_spoken_text_has_no_markup():
    assert spoken(r"At $10^{-5}$ & below, $\eta < 2$.") == "At 10−5 & below, η<2."


def test_nothing_given_becomes_markup():
    bad = "<script>alert(1)</script>"
    entry = Entry("one", bad, f"{bad}. More.", f'x" onerror="{bad}', {bad: bad})
    claim = Claim(f"a/{bad}", bad, bad, bad, bad, [0.5, 0.5], 0.4, 0.6, remark=bad)
    claims = to_frame({"one": [claim]})
    times = pd.DataFrame([(bad, 1, 1.0, 1.0)])
    times.columns = ["stage", "jobs", "seconds", "longest_seconds"]
    pages = [
        page([entry], claims, times),
        figure_page(entry, claims, {bad: "x.pdf"}, [bad], bad),
        start_page([entry], claims),
    ]
    for text in pages:
        assert "<script" not in text
        assert "onerror" not in text or '" onerror' not in text
        assert "&lt;script&gt;" in text


def test_maths_that_cannot_be_read():
    with pytest.raises(InputError, match="cannot be read as maths"):
        with_maths("$a^b^c$")


def test_parameters_of_all_runs(tmp_path):
    rows = {"factor": [0.5], "layer": [1], "gradient": [0.5]}
    for depth in range(10):
        run = {"depth": depth, "activation": "relu", "clip_norm": None, "residual": True}
        facts = {"run": run, "dataset": {"name": "digits", "sha256": {"x": "0"}}, "seeds": [0, 1]}
        tables.write(LINEAR_CHAIN, rows, tmp_path / f"{depth}.parquet", facts)
    found = parameters_of(sorted(tmp_path.glob("*.parquet")))
    assert found["depth"] == "0 to 9, 10 values"
    assert found["activation"] == "relu"
    assert found["clip_norm"] == "none"
    assert found["residual"] == "yes"
    assert found["seeds"] == "0, 1"
    assert not {"run", "versions", "code"} & set(found)


def test_runtimes_by_stage(tmp_path):
    for name, seconds in (("training/depth/a", 2), ("training/depth/b", 3), ("claims", 1)):
        file = tmp_path / f"{name}.tsv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:0{seconds}\t-\n")
    found = runtimes(tmp_path).set_index("stage")
    assert found.loc["training depth", "jobs"] == 2
    assert found.loc["training depth", "seconds"] == 5
    assert found.loc["training depth", "longest_seconds"] == 3
    assert list(found.index) == ["claims", "training depth"]
    assert runtimes(tmp_path / "nowhere").empty


def test_same_input_same_page(entries):
    assert page(entries, CLAIMS, pd.DataFrame()) == page(entries, CLAIMS, pd.DataFrame())


def test_huge_drawing_goes_in_as_png(tmp_path):
    (tmp_path / "x.svg").write_text("<svg/>" + " " * 1_000_001)
    (tmp_path / "x.png").write_bytes(b"png")
    assert image_address(tmp_path / "x.svg", tmp_path / "x.png").startswith("data:image/png;")


@pytest.mark.long
@needs_chromium
def test_browser_shows_every_figure_and_fetches_nothing(entries, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(page(entries, CLAIMS, pd.DataFrame()))
    seen = measure(file, tmp_path)
    assert [image["alt"] for image in seen["images"]] == [entry.alternative for entry in entries]
    assert seen["images"][0]["alt"].startswith(
        "One: Norms of \u2016\u2202L/\u2202W(\u2113)\u2016F fall by 0.25\u00b10.01"
    )
    assert all(image["natural"] > 0 for image in seen["images"])
    assert all(image["width"] > 300 and image["height"] > 50 for image in seen["images"])
    assert len(seen["formulas"]) == 2 * CAPTION.plain().count("$") / 2
    assert min(seen["formulas"]) > 5
    assert [address for address in seen["fetched"] if not address.startswith("data:")] == []
    for said in (
        "1 supported, 1 refuted, 0 undecided, 1 not measured",
        "it is < 0",
        "No.",
        "& more",
    ):
        assert said in seen["text"]


@pytest.mark.long
@needs_chromium
def test_browser_would_notice_a_broken_page(entries, tmp_path):
    broken = dataclasses.replace(entries[0], image="data:image/svg+xml;base64,AAAA")
    file = tmp_path / "report.html"
    file.write_text(
        page([broken], CLAIMS, pd.DataFrame()).replace(
            "</body>", '<img src="http://127.0.0.1:9/x.png" alt="outside"></body>'
        )
    )
    file.write_text(file.read_text().replace("img-src data:", "img-src data: http:"))
    seen = measure(file, tmp_path)
    assert seen["images"][0]["natural"] == 0
    assert "http://127.0.0.1:9/x.png" in seen["fetched"]
