"""Sweeps of any network: what is refused before work, what is trained, what the workflow does."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch.nn import functional

import snakemake_here
from gradient_atlas.datasets.load import image_shape, load
from gradient_atlas.datasets.prepare import prepare
from gradient_atlas.errors import InputError
from gradient_atlas.networks.architectures import ARCHITECTURES, build
from gradient_atlas.runs import network as runs
from gradient_atlas.runs.network import parse_network_run
from gradient_atlas.tables.files import read
from gradient_atlas.watching.training import train

PROJECT = Path(__file__).parents[1]


def test_the_names_of_runs_are_those_that_are_built():
    assert tuple(ARCHITECTURES) == runs.ARCHITECTURES


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"architecture": "mlp", "architecture_options": {"widht": 3}}, "did you mean width"),
        ({"architecture_options": {"depth": 0}}, "architecture_options.depth: 0 is wrong"),
        ({"architecture": "cnn"}, "architecture: 'cnn' is wrong"),
        ({"architecture": "no_such_module:build"}, "no module 'no_such_module'"),
        ({"max_step": 3}, "did you mean max_steps"),
        ({"every": 0}, "every: 0 is wrong"),
    ],
)
def test_a_wrong_run_is_refused_by_its_text(parameters, message):
    with pytest.raises(InputError, match=message):
        parse_network_run({"dataset": "digits"} | parameters)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "digits"
    prepare("digits", folder, None)
    return folder


def test_training_is_that_of_a_plain_loop(digits):
    """torch's own SGD on the same minibatches; the first rows are the initialisation's."""
    run = parse_network_run(
        {"dataset": "digits", "architecture": "conv", "precision": "float64", "momentum": 0.5,
         "architecture_options": {"depth": 2, "channels": 3}, "max_steps": 4, "every": 2,
         "batch_size": 32, "training_examples": 200, "learning_rate": 0.1}
    )  # fmt: skip
    data, shape = load(digits, torch.float64, 200), image_shape(digits)
    assert shape == (1, 8, 8)
    tables = train(run, data, shape, [3])
    weights, order = np.random.SeedSequence(3).generate_state(2, np.uint64) >> np.uint64(1)
    torch.manual_seed(int(weights))
    model = build("conv", shape, 10, {"depth": 2, "channels": 3}).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    images = data.train_inputs.reshape(-1, 1, 8, 8)
    rows = torch.randperm(200, generator=torch.Generator().manual_seed(int(order)))
    for step in range(4):
        batch = rows[32 * step : 32 * step + 32]
        optimizer.zero_grad()
        functional.cross_entropy(model(images[batch]), data.train_labels[batch]).backward()
        optimizer.step()
    end = functional.cross_entropy(model(images), data.train_labels).item()
    assert tables.metrics[-1]["step"] == 4
    assert tables.metrics[-1]["train_loss"] == pytest.approx(end, rel=1e-10)
    assert sorted({row["step"] for row in tables.modules}) == [0, 2, 4]
    assert {row["kind"] for row in tables.modules} == {"CircularConvolution", "Linear"}


def test_channels_of_an_image_are_where_the_network_looks_for_them(tmp_path):
    images = np.zeros((20, 4, 6, 3), np.uint8)
    images[..., 2] = np.arange(20)[:, None, None]
    np.savez(tmp_path / "mine.npz", images=images, labels=np.arange(20) % 2)
    prepare(str(tmp_path / "mine.npz"), tmp_path / "mine", None)
    assert image_shape(tmp_path / "mine") == (3, 4, 6)


def test_a_run_that_diverges_ends_there_and_says_so(digits):
    run = parse_network_run({"dataset": "digits", "max_steps": 20, "learning_rate": 1e30,
                             "architecture_options": {"depth": 3, "width": 8}})  # fmt: skip
    tables = train(run, load(digits, torch.float32, 100), image_shape(digits), [0])
    assert tables.metrics[-1]["status"] == "diverged"
    assert tables.metrics[-1]["first_nonfinite_step"] == tables.metrics[-1]["step"] < 20


def test_the_workflow_trains_a_user_s_own_network_and_again_when_its_file_changes(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from torch import nn\n"
        "def build(input_shape, classes, *, width=4):\n"
        "    n = input_shape[0] * input_shape[1] * input_shape[2]\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(n, width), nn.Tanh(),\n"
        "                         nn.Linear(width, classes))\n"
    )
    sweep = {
        "seeds": [0, 1],
        "base": {"dataset": "digits", "training_examples": 100, "max_steps": 2, "every": 1},
        "variants": {
            "own": {"architecture": "mine:build", "architecture_options": {"width": 5}},
            "attention": {"architecture": "transformer",
                          "architecture_options": {"layers": 1, "width": 8, "heads": 2}},
        },
    }  # fmt: skip

    dynamics = {"central_flow": {"architecture": "mine:build"}}

    def snakemake(*words):
        (tmp_path / "own.yaml").write_text(
            yaml.safe_dump({"networks": {"sweeps": {"mine": sweep}}, "dynamics": dynamics})
        )
        files = [f"results/training/mine/modules/variant={name}/part.parquet" for name in
                 ("own", "attention")]  # fmt: skip
        command = ["--workflow-profile", "none", "--cores", "1"]
        command += ["--snakefile", PROJECT / "workflow/Snakefile", *words, *files]
        command += ["--configfile", PROJECT / "config/smoke.yaml", tmp_path / "own.yaml"]
        return snakemake_here.snakemake(command, tmp_path)

    done = snakemake()
    assert done.returncode == 0, done.stderr[-2000:]
    table = read(tmp_path / "results/training/mine/modules")
    assert set(table.variant) == {"own", "attention"}
    own = table[table.variant == "own"]
    assert own.module.unique().tolist() == ["1", "3"] and sorted(own.step.unique()) == [0, 1, 2]
    assert json.loads(own.architecture_options.iloc[0]) == {"width": 5}
    assert own.update_ratio[own.step < 2].notna().all()
    (tmp_path / "mine.py").write_text((tmp_path / "mine.py").read_text() + "# again\n")
    planned = snakemake("--dry-run", "results/dynamics/central_flow/part.parquet")
    said = planned.stdout + planned.stderr
    assert "output: results/training/mine/modules/variant=own/" in said
    assert "output: results/training/mine/modules/variant=attention/" not in said
    central = said.partition("rule simulate_central_flow:")[2].partition("output:")[0]
    assert "mine.py" in central
    sweep["variants"]["own"]["architecture_options"] = {"widht": 5}
    refused = snakemake("--dry-run")
    assert refused.returncode == 1
    assert "networks.sweeps.mine (variant=own): architecture_options.widht" in (
        refused.stdout + refused.stderr
    )
