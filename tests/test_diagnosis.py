"""What a diagnosis says, from tables whose answer is known, and of networks by closed forms."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import integrate
from torch import nn

import gradient_atlas.__main__ as command
from gradient_atlas.errors import InputError
from gradient_atlas.measures import modules
from gradient_atlas.networks.architectures import build
from gradient_atlas.tables.files import read
from gradient_atlas.theory.nonlinearity import from_torch
from gradient_atlas.watching.diagnosis import Subject, critical_variance, mend
from gradient_atlas.watching.findings import findings, signal_verdict

PROJECT = Path(__file__).parents[1]


def table(slope, seeds=5, layers=12, noise=0.0, **more):
    """Signals of ``slope`` decades a layer towards the input."""
    rows = []
    for seed in range(seeds):
        for layer in range(1, layers + 1):
            wobble = noise * (seed - (seeds - 1) / 2)
            size = 10.0 ** ((slope + wobble) * (layers - layer))
            rows.append({"seed": seed, "layer": layer, "module": f"m{layer}", "kind": "Linear",
                         "error_signal_norm": size, "weight_gradient_entry": size / 10,
                         "dead_fraction": 0.0, "saturated_fraction": math.nan})  # fmt: skip
    return pd.DataFrame(rows).assign(**more)


@pytest.mark.parametrize(
    ("slope", "noise", "verdict"),
    [
        (-0.5, 0.0, "vanishes"),
        (0.5, 0.0, "explodes"),
        (0.05, 0.0, "flat"),
        (0.2, 0.1, "undecided"),  # 2 decades over 11 layers lie inside the interval
    ],
)
def test_the_verdict_is_of_the_whole_span_and_of_all_seeds(slope, noise, verdict):
    found = {finding.rule: finding for finding in findings(table(slope, noise=noise))}
    assert found["error signal"].verdict == verdict
    assert modules.slopes(table(slope)) == pytest.approx([slope] * 5)
    assert modules.spans(table(slope)) == pytest.approx([slope * 10] * 5)  # to the last but one


def test_the_worst_module_is_where_the_signal_changes_most():
    rows = table(0.0)
    rows.loc[rows.layer <= 4, "error_signal_norm"] = 1e-3
    worst = {finding.rule: finding for finding in findings(rows)}["worst module"]
    assert worst.verdict == "m5 (Linear)" and worst.said.startswith("-3.00 decades")


@pytest.mark.parametrize(
    ("slope", "layers", "size"),
    [
        (-0.4, [], 1.0),  # all have their part in it
        (0.0, [5, 6], 1e-3),  # queries and keys beside the path
        (0.0, [12], 1e3),  # the loss's own signal, at the last module
        (0.0, range(1, 5), 0.9),  # a step that would do no harm in each place
    ],
)
def test_no_module_is_blamed_for_what_is_none_s_fault(slope, layers, size):
    rows = table(slope)
    rows.loc[rows.layer.isin(layers), "error_signal_norm"] *= size
    worst = {finding.rule: finding for finding in findings(rows)}["worst module"]
    assert worst.verdict == "none"


def test_normalisations_are_no_layers_of_their_own():
    rows = table(-0.1)
    rows.loc[rows.layer == 6, "kind"] = "BatchNorm2d"
    assert modules.layers_of(rows).place.max() == 11


def test_a_format_loses_what_lies_below_its_smallest_number():
    rows = table(-1.0)  # entries from 1e-12 (layer 1) to 1e-1
    found = {finding.rule: finding for finding in findings(rows)}
    assert found["float16"].verdict == "lost"
    assert (
        "lost in 5 of 12 modules, module m1" in found["float16"].said
    )  # 2^-24 is 6e-8: layers 1 to 5
    assert found["float32"].verdict == "kept"
    large = {f.rule: f for f in findings(table(0.6, weight_gradient_entry=1e6))}
    assert large["float16"].said.startswith("too large in 12 of 12")


def test_shares_of_units():
    rows = table(0.0, dead_fraction=0.0)
    rows.loc[rows.layer == 3, "dead_fraction"] = 0.7
    found = {finding.rule: finding for finding in findings(rows)}
    assert (found["dead units"].verdict, found["saturated units"].verdict) == (
        "many", "not measured")  # fmt: skip
    assert "in module m3" in found["dead units"].said


def test_a_signal_that_is_nowhere_a_number_is_said_to_explode():
    (only,) = findings(table(0.0, error_signal_norm=math.nan))
    assert only.verdict == "explodes"


def test_the_critical_variance_of_relu_is_he_s_and_that_of_tanh_one():
    """He et al. (2015), equation 10; Schoenholz et al. (2017): χ = 1 at σ_w² = 1 without biases."""
    assert critical_variance(from_torch(torch.relu), 0.3) == pytest.approx(2.0, rel=1e-6)
    assert critical_variance(from_torch(torch.tanh), 0.3) == pytest.approx(1.0, rel=1e-3)


def test_the_critical_variance_of_sigmoid_by_another_quadrature():
    """χ(q*) = 1 and q* = V(q*) by adaptive quadrature, which shares no code with the theory."""
    variance = critical_variance(from_torch(torch.sigmoid), 1.0)

    def gauss(function):
        density = lambda z: math.exp(-z * z / 2) / math.sqrt(2 * math.pi)  # noqa: E731
        return integrate.quad(lambda z: function(z) * density(z), -12, 12, epsabs=1e-13)[0]

    def sigmoid(u):
        return 1 / (1 + math.exp(-u))

    q = variance
    for _ in range(200):
        root = math.sqrt(q)
        q = variance * gauss(lambda z, root=root: sigmoid(root * z) ** 2)
    root = math.sqrt(q)
    chi = variance * gauss(lambda z: (sigmoid(root * z) * (1 - sigmoid(root * z))) ** 2)
    assert chi == pytest.approx(1, rel=1e-5)


def subject(name, **options):
    images = torch.randn(32, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return Subject(
        lambda: build(name, (1, 8, 8), 10, options), images, torch.arange(32) % 10, range(3)
    )


def test_a_plain_chain_is_mended_by_theory():
    one = subject("mlp", depth=20, width=64, initialization="standard")
    before = one.measure()
    remedy = mend(one, before)
    assert remedy.by == "theory" and "variance 2/n_in (they have 0.33" in remedy.said
    assert signal_verdict(modules.spans(before)) == "vanishes"
    assert max(map(abs, modules.slopes(remedy.table))) < 0.05


def test_a_network_that_theory_does_not_describe_is_mended_by_measuring():
    one = subject("resnet", blocks=24, channels=8)
    before = one.measure()
    remedy = mend(one, before)
    assert remedy.by == "measurement" and "no plain chain" in remedy.said
    assert abs(np.mean(modules.slopes(remedy.table))) < 0.2 * abs(np.mean(modules.slopes(before)))


def test_the_last_weight_is_that_of_the_forward_pass():
    class HeadFirst(nn.Module):
        def __init__(self):
            super().__init__()
            self.head, self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8)

        def forward(self, x):
            return self.head(torch.relu(self.second(torch.relu(self.first(x)))))

    one = Subject(HeadFirst, torch.randn(16, 8), torch.arange(16) % 8, range(2))
    model = one.network(0)
    found = one.hidden_weights(model)
    assert [id(w) for w in found] == [id(model.first.weight), id(model.second.weight)]


def test_where_nothing_helps_that_is_said():
    class Broken(nn.Module):
        """Multiplies by a thousandth what no weight can bring back to all seeds alike."""

        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(8, 8) for _ in range(6))

        def forward(self, x):
            for layer in self.layers:
                x = nn.functional.layer_norm(layer(x) * 1e-9, (8,))
            return x

    inputs, labels = torch.randn(16, 8), torch.arange(16) % 8
    one = Subject(Broken, inputs, labels, range(2))
    remedy = mend(one, one.measure())
    assert remedy.table is None and "no common scale" in remedy.said


def run(*words, folder):
    line = [sys.executable, "-m", "gradient_atlas", "diagnose", *words]
    environment = {"PYTHONPATH": f"{PROJECT / 'src'}", "PATH": "/usr/bin:/bin"}
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images, and a user's own network."""
    folder = tmp_path_factory.mktemp("own")
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    np.savez(folder / "images.npz", images=images, labels=np.arange(40) % 4)
    (folder / "mine.py").write_text(
        "from torch import nn\n"
        "def build(input_shape, classes, *, depth=12):\n"
        "    layers = [nn.Flatten(), nn.Linear(64, 32), nn.Sigmoid()]\n"
        "    layers += [part for _ in range(depth) for part in (nn.Linear(32, 32), nn.Sigmoid())]\n"
        "    return nn.Sequential(*layers, nn.Linear(32, classes))\n"
    )
    return folder


def test_the_command_says_a_line_a_rule_and_writes_the_bundle(folder):
    done = run("mine:build", "--data", "images.npz", "--examples", "32", "--seeds", "3",
               folder=folder)  # fmt: skip
    assert done.returncode == 0, done.stderr
    rules = [line.split(":")[0] for line in done.stdout.splitlines()]
    assert rules[1:8] == ["error signal", "worst module", "dead units", "saturated units",
                          "float16", "float32", "remedy"]  # fmt: skip
    assert "error signal: vanishes" in done.stdout
    written = {path.name for path in (folder / "diagnosis").iterdir()}
    assert {f"diagnosis.{end}" for end in ("pdf", "svg", "png", "tex", "md", "csv")} <= written
    before = read(folder / "diagnosis/modules_as_it_is.parquet")
    assert before.groupby("seed").size().tolist() == [14] * 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mine:build", "--data", "images.npz", "--option", "dpeth=3"], "did you mean depth"),
        (["mine:build", "--data", "other.npz"], "other.npz: no such file"),
        (["mine:other", "--data", "images.npz"], "'other' does not exist"),
        (["mine:biuld", "--data", "images.npz"], "did you mean build?"),
        (["mlp", "--data", "images.npz", "--venue", "nips"], "venue"),
        (["mlp", "--data", "images.npz", "--seeds", "1"], "--seeds: 1 is wrong"),
    ],
)
def test_what_cannot_be_diagnosed_is_refused_in_one_line(folder, words, message, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["gradient_atlas", "diagnose", *words])
    with pytest.raises(InputError) as refused:
        command.main()
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_a_refusal_is_the_command_s_one_line_and_its_status(folder):
    done = run("mine:build", "--data", "other.npz", folder=folder)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
