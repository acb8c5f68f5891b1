"""Verdicts under perturbations: what counts as a flip, what the config becomes, one small run."""

import csv
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import robustness as script
from configuration import complete
from gradient_atlas.claims import robustness
from gradient_atlas.claims.claim import Claim, to_frame
from gradient_atlas.datasets.load import load
from gradient_atlas.datasets.prepare import prepare
from gradient_atlas.training.adding_problem import draw_sequences

PROJECT = Path(__file__).parents[1]
SCHEMA = PROJECT / "workflow/schemas/config.schema.yaml"


def claims(**values):
    made = [Claim(name, "s", "x", "c", "q", v, upper=1.0) for name, v in values.items()]
    return to_frame({"figure": made})


@pytest.fixture
def table():
    low, high, wide = [0.1, 0.11, 0.12], [2.1, 2.11, 2.12], [-9.0, 1.0, 9.0]
    return robustness.tabulate(
        {
            "none": claims(a=low, b=low, c=wide, d=[]),
            "native": claims(a=low, b=high, c=low, d=[]),
            "inputs": claims(a=low, b=wide, c=wide, d=[]),
        }
    )


def test_a_decided_claim_flips_when_it_is_decided_otherwise_or_left_open(table):
    assert robustness.flips(table) == {"b": ["native", "inputs"]}
    assert robustness.survived(table) == {
        "a": "2 of 2",
        "b": "0 of 2; flips under native, inputs",
        "c": "",
        "d": "",
    }


def test_a_claim_that_flips_is_undecided_and_says_under_what(table):
    frame = claims(a=[0.1, 0.11, 0.12], b=[0.1, 0.11, 0.12])
    frame = robustness.downgraded(frame, robustness.reasons_of(robustness.flips(table)))
    assert frame["verdict"].tolist() == ["supported", "undecided"]
    assert frame.loc[1, "remark"] == "The verdict supported flips under native, inputs."


def test_the_page_counts_and_shows_every_flip(table):
    page = robustness.page(table)
    assert "2 claims with a verdict, 2 perturbations, 2 flips of 1 claims" in page
    assert page.count("| b | ") == 2


def test_other_seeds_are_as_many_and_never_the_same():
    seeds = [0, 7, 1003]
    drawn = [seeds, script.other_seeds(seeds, 1), script.other_seeds(seeds, 2)]
    assert all(len(one) == len(seeds) for one in drawn)
    assert len(set().union(*drawn)) == 3 * len(seeds)


SEEDED = ("sharpness", "central_flow", "edges", "catapult", "limits", "warmup", "width")


@pytest.mark.parametrize("name", ["none", "native", "seeds_1", "seeds_2", "inputs"])
@pytest.mark.parametrize("file", ["config", "smoke", "paper"])
def test_a_perturbed_config_is_right_and_changes_what_it_says(name, file):
    given = yaml.safe_load((PROJECT / f"config/{file}.yaml").read_text())
    before = complete(given, PROJECT / "config/config.yaml", SCHEMA)
    changes = script.changes(before, name)
    after = complete(script.merged(given, changes), PROJECT / "config/config.yaml", SCHEMA)

    def seeds(config):
        sections = [*config["training"]["sweeps"].values(), config["recurrent"]]
        sections += [config["dynamics"][key] for key in SEEDED]
        sections += config["ensembles"].values()
        return [one["seeds"] for one in [*sections, config["dynamics"]["flow"]["network"]]]

    apart = [not set(a) & set(b) for a, b in zip(seeds(before), seeds(after), strict=True)]
    assert set(apart) == {name.startswith("seeds_")}
    start = after["dynamics"]["flow"]["problems"]["rosenbrock"]["parameters"]["start"]
    assert (start != [-1.2, 1]) is (name == "inputs")
    assert np.allclose(start, [-1.2, 1], rtol=2e-7, atol=0)
    assert after["perturbation"] == (1e-7 if name == "inputs" else 0)


def test_perturbed_inputs_are_others_by_what_the_config_says(tmp_path):
    prepare("digits", tmp_path / "plain/digits")
    prepare("digits", tmp_path / "moved/digits", perturbation=1e-3)
    plain, moved = (load(tmp_path / f"{name}/digits", torch.float64) for name in ("plain", "moved"))
    for part in ("train_inputs", "test_inputs"):
        ratio = getattr(moved, part) / getattr(plain, part)
        assert 0 < float((ratio - 1).abs().max()) <= 1e-3
    assert plain.sha256 != moved.sha256
    drawn = [
        draw_sequences(4, 10, torch.Generator().manual_seed(1), torch.float64, p)[0][..., 0]
        for p in (0.0, 1e-3)
    ]
    assert 0 < float((drawn[1] / drawn[0] - 1).abs().max()) <= 1e-3


@pytest.mark.long
def test_a_small_run_goes_on_after_it_was_stopped_and_is_recorded(tmp_path):
    figures = 'figures=["quadratic_convergence_rate", "edge_of_stability"]'
    command = [sys.executable, PROJECT / "workflow/robustness.py", "--cores", "1"]
    command += ["--perturbations", "seeds_1", "--config", figures]
    command += ["--configfile", PROJECT / "config/smoke.yaml"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path}

    def run():
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stderr

    assert "[1 of 1] seeds_1" in run()
    folder = tmp_path / "results/robustness/seeds_1/results"
    # What no seed reaches is the main build's own file.
    shared = "dynamics/quadratic/part.parquet"
    assert (folder / shared).samefile(tmp_path / "results" / shared)
    name = "dynamics/sharpness"
    seeds = [set(pd.read_parquet(top / name)["seed"]) for top in (folder, tmp_path / "results")]
    assert not seeds[0] & seeds[1]
    table = pd.read_parquet(tmp_path / "results/robustness.parquet")
    assert set(table["perturbation"]) == {"none", "seeds_1"}
    assert len(table) == 2 * len(pd.read_parquet(tmp_path / "results/claims.parquet"))
    assert "1 perturbations" in (tmp_path / "docs/robustness.md").read_text()
    # As a build that is stopped leaves it.
    next((folder / name).rglob("*.parquet")).unlink()
    (folder / "claims.parquet").unlink()
    assert "measure_sharpness" in run()

    recorded = tmp_path / "recorded.csv"
    record = [sys.executable, PROJECT / "src/record_verdicts.py", "--output", recorded]
    record += ["--claims", "results/claims.parquet", "--robustness", "results/robustness.parquet"]
    subprocess.run(record, cwd=tmp_path, check=True)
    with recorded.open() as file:
        rows = list(csv.DictReader(file))
    assert {row["robustness"].partition(";")[0] for row in rows} <= {"", "0 of 1", "1 of 1"}
    assert all(math.isfinite(float(r["margin"])) for r in rows if r["verdict"] == "supported")
    # A later build without that table leaves what was recorded of it.
    before = recorded.read_text()
    subprocess.run(record[:-2], cwd=tmp_path, check=True)
    assert recorded.read_text() == before
