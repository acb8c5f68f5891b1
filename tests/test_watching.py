"""A probe of any network: every number against one backward pass a module, in float64."""

import math
import sys
import types

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional

from gradient_atlas.datasets.load import image_shape, load
from gradient_atlas.datasets.prepare import prepare
from gradient_atlas.errors import InputError
from gradient_atlas.networks.feedforward import FeedForward
from gradient_atlas.runs.feedforward import Run
from gradient_atlas.runs.network import parse_network_run
from gradient_atlas.tables.files import read
from gradient_atlas.tables.schemas.modules import MODULES
from gradient_atlas.training import loop
from gradient_atlas.training.probe import Probe
from gradient_atlas.watching import training
from gradient_atlas.watching.probe import NORMALIZATIONS, ModuleProbe
from gradient_atlas.watching.watch import lightning_callback, watch


class Block(nn.Module):
    """A residual block that writes over its activations, as torchvision's do."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 8)
        self.normalization = nn.LayerNorm(8)

    def forward(self, x):
        return functional.relu_(x + self.second(torch.tanh(self.normalization(self.first(x)))))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Linear(4, 8)
        self.block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.block(self.embedding(x)).mean(dim=1))


class Tied(nn.Module):
    """One matrix, used as two layers under two names."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(8, 8)
        self.second = nn.Linear(8, 8, bias=False)
        self.second.weight = self.first.weight
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(torch.tanh(self.second(torch.sigmoid(self.first(x)))))


def convolutional():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
        nn.Conv2d(4, 4, 3, stride=2), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(36, 3),
    )  # fmt: skip


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "digits"
    prepare("digits", folder, None)
    return folder


NETWORKS = {
    "perceptron": (lambda: nn.Sequential(nn.Linear(8, 8), nn.Sigmoid(), nn.Linear(8, 3)), (8,)),
    "residual": (lambda: nn.Sequential(Block(), Block(), nn.Linear(8, 3)), (8,)),
    "convolutional": (convolutional, (1, 8, 8)),
    "transformer": (Attention, (5, 4)),
    "tied": (Tied, (8,)),
}


def made(name, examples=6):
    make, shape = NETWORKS[name]
    torch.manual_seed(0)
    model = make().double()
    inputs = torch.randn(examples, *shape, dtype=torch.float64)
    return model, inputs, torch.arange(examples) % 3


def watched(model):
    """The weights that are to be measured, by module: matrices and gains, a shared one once."""
    once = {}
    for name, module in model.named_modules():
        for key, parameter in module.named_parameters(recurse=False):
            gain = isinstance(module, NORMALIZATIONS) and key == "weight"
            if (parameter.ndim >= 2 or gain) and id(parameter) not in once:
                once[id(parameter)] = (name, parameter)
    return dict(once.values())


def by_brute_force(model, inputs, labels, name):
    """‖∂L/∂z‖ of one module, its output replaced by a leaf and followed from there."""
    leaf = []

    def cut(_module, _inputs, output):
        value = output[0] if isinstance(output, tuple) else output
        leaf.append(value.detach().requires_grad_())
        passed_on = leaf[-1].clone()
        return (passed_on, *output[1:]) if isinstance(output, tuple) else passed_on

    handle = dict(model.named_modules())[name].register_forward_hook(cut)
    loss = functional.cross_entropy(model(inputs), labels)
    handle.remove()
    return math.sqrt(len(labels)) * float(torch.autograd.grad(loss, leaf[0])[0].norm())


@pytest.mark.parametrize("name", NETWORKS)
def test_every_module_is_measured_as_by_one_backward_pass_each(name):
    model, inputs, labels = made(name)
    rows = ModuleProbe(model, inputs, labels).measure()
    assert [row["layer"] for row in rows] == list(range(1, len(rows) + 1))
    weights = watched(model)
    assert {row["module"] for row in rows} == set(weights)
    for row in rows:
        loss = functional.cross_entropy(model(inputs), labels)
        (gradient,) = torch.autograd.grad(loss, weights[row["module"]])
        assert row["weight_gradient_norm"] == pytest.approx(float(gradient.norm()), rel=1e-12)
        assert row["weight_norm"] == pytest.approx(float(weights[row["module"]].norm()))
        if row["kind"] != "NonDynamicallyQuantizableLinear":  # used without being called
            signal = by_brute_force(model, inputs, labels, row["module"])
            assert row["error_signal_norm"] == pytest.approx(signal, rel=1e-10), row["module"]


@pytest.mark.parametrize("name", ["resnet18", "vit_b_16"])
def test_networks_of_torchvision(name):
    """vit_b_16 at reduced size: its blocks, an eighth of its width."""
    from torchvision import models

    torch.manual_seed(0)
    if name == "resnet18":
        model = models.resnet18(num_classes=3)
    else:
        model = models.VisionTransformer(32, 16, 12, 4, 96, 384, num_classes=3)
    model.double()
    inputs, labels = torch.randn(4, 3, 32, 32, dtype=torch.float64), torch.tensor([0, 1, 2, 0])
    rows = ModuleProbe(model, inputs, labels).measure()
    convolutions = sum(isinstance(m, nn.Conv2d) for m in model.modules())
    assert sum(row["kind"] == "Conv2d" for row in rows) == convolutions
    called = [row for row in rows if row["error_signal_norm"] == row["error_signal_norm"]]
    for row in called[:: max(1, len(called) // 5)]:
        signal = by_brute_force(model, inputs, labels, row["module"])
        assert row["error_signal_norm"] == pytest.approx(signal, rel=1e-9), row["module"]
    missing = [row["kind"] for row in rows if row not in called]
    assert set(missing) <= {"NonDynamicallyQuantizableLinear"}


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "leaky_relu", "gelu", "silu"])
@pytest.mark.parametrize("normalization", ["none", "batch_norm", "layer_norm"])
def test_the_project_s_own_perceptron_is_seen_as_by_its_own_probe(activation, normalization):
    """``training.probe``, which keeps every tensor of the pass, shares no hook with this probe."""
    run = Run(dataset="x", depth=4, width=8, activation=activation, precision="float64",
              normalization=normalization, residual=normalization == "none")  # fmt: skip
    network = FeedForward(run, 8, 3, torch.Generator().manual_seed(0))
    inputs, labels = torch.randn(6, 8, dtype=torch.float64), torch.arange(6) % 3
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    found = ModuleProbe(network, inputs, labels).measure()
    assert all(torch.equal(before[name], buffer) for name, buffer in network.named_buffers())
    rows = [row for row in found if row["kind"] == "Linear"]
    assert [row["module"] for row in rows] == [f"layers.{number}" for number in range(4)]
    assert len(found) - len(rows) == (0 if normalization == "none" else 3)
    for column, values in vars(Probe(network, inputs, labels).measure()).items():
        for number, value in enumerate(values):
            # What a residual connection adds is no output of the activation that a hook sees.
            if not (run.residual and column == "activation_rms" and 0 < number < 3):
                same = pytest.approx(value, rel=1e-13, nan_ok=True)
                assert rows[number][column] == same, (column, number)


def test_both_training_loops_write_the_same_numbers(digits):
    """One network, seed and data as a perceptron's run and as the architecture ``mlp``."""
    common = {"dataset": "digits", "training_examples": 128, "batch_size": 32, "max_steps": 4,
              "probe_examples": 20, "learning_rate": 0.1, "momentum": 0.5}  # fmt: skip
    options = {"depth": 3, "width": 8, "activation": "tanh", "initialization": "xavier"}
    data = load(digits, torch.float32, 128)
    run = Run(**common | options)
    ours = pd.DataFrame(loop.train(run, data, [3]).gradients)
    watched_run = parse_network_run(common | {"architecture_options": options, "every": 1})
    theirs = pd.DataFrame(training.train(watched_run, data, image_shape(digits), [3]).modules)
    theirs = theirs[theirs.step.isin(ours.step)].reset_index(drop=True)
    assert sorted(ours.step.unique()) == [0, 1, 2, 4]
    columns = [column for column in ours if column in theirs]
    assert {"update_ratio", "weight_gradient_norm", "error_signal_norm"} <= set(columns)
    pd.testing.assert_frame_equal(ours[columns], theirs[columns], check_dtype=False, rtol=1e-13)


def test_shares_of_dead_and_saturated_units_are_those_of_the_function_that_follows():
    model = nn.Sequential(nn.Linear(1, 4), nn.ReLU(), nn.Linear(4, 2), nn.Tanh(), nn.Linear(2, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0], [1.0], [-1.0], [0.0]]))
        model[0].bias.copy_(torch.tensor([0.0, -9.0, -9.0, -1.0]))
        model[2].weight.zero_()
        model[2].bias.copy_(torch.tensor([0.0, 9.0]))
    inputs, labels = torch.tensor([[1.0], [2.0]]), torch.tensor([0, 1])
    first, second, last = ModuleProbe(model, inputs, labels).measure()
    assert (first["dead_fraction"], first["inactive_fraction"]) == (0.75, 0.75)
    assert math.isnan(first["saturated_fraction"])  # ReLU is not bounded
    assert (second["saturated_fraction"], second["dead_fraction"]) == (0.5, 0.0)
    assert math.isnan(last["dead_fraction"])


@pytest.mark.parametrize("name", NETWORKS)
def test_watching_changes_nothing(name):
    """Trained with and without a probe: the same bits, with batch norm and dropout too."""

    def trained(watched_too):
        model, inputs, labels = made(name)
        model = nn.Sequential(nn.Dropout(0.2), model)
        torch.manual_seed(1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        with watch(model, (inputs, labels), every=2 if watched_too else 10**9) as watching:
            for _ in range(5):
                optimizer.zero_grad()
                functional.cross_entropy(model(inputs), labels).backward()
                optimizer.step()
                watching.step()
        return model.state_dict(), watching.table()

    (with_it, table), (without, _) = trained(True), trained(False)
    assert all(torch.equal(with_it[key], without[key]) for key in without)
    assert sorted(table.step.unique()) == [0, 2, 4]


def test_the_table_says_what_each_update_changed_and_survives_an_error(tmp_path):
    model, inputs, labels = made("perceptron")
    weight, changes = model[0].weight, []
    with (
        pytest.raises(RuntimeError, match="mine"),
        watch(model, (inputs, labels), path=tmp_path, every=1) as watching,
    ):
        for step in range(3):
            before = weight.detach().clone()
            (gradient,) = torch.autograd.grad(
                functional.cross_entropy(model(inputs), labels), weight
            )
            with torch.no_grad():
                weight -= 0.1 * gradient
            changes.append(float((weight - before).norm() / before.norm()))
            watching.step()
            if step == 2:
                raise RuntimeError("mine")
    table = read(tmp_path / "modules.parquet")
    assert list(table.columns[: len(MODULES.names)]) == MODULES.names
    first = table[table.module == "0"].update_ratio.to_numpy()
    np.testing.assert_allclose(first[:3], changes, rtol=1e-12)
    assert math.isnan(first[3])


class HeadFirst(nn.Module):
    """Defined in another order than it is called in, its first matrix used by the last."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 8, bias=False)
        self.first = nn.Linear(8, 8)
        self.middle = nn.Linear(8, 8)
        self.head.weight = self.first.weight

    def forward(self, x):
        return self.head(torch.tanh(self.middle(torch.tanh(self.first(x)))))


@pytest.mark.parametrize("make", [HeadFirst, lambda: nn.Linear(8, 3)])
def test_updates_are_told_of_every_row_whatever_the_network_is_called(make):
    """A shared weight has the name of its first call, the network itself that of its class."""
    torch.manual_seed(0)
    model, inputs, labels = make(), torch.randn(6, 8), torch.arange(6) % 3
    with watch(model, (inputs, labels), every=1) as watching:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1.5)
        watching.step()
    first = watching.table().query("step == 0")
    assert first.update_ratio.to_numpy() == pytest.approx([0.5] * len(first))
    assert first.module.tolist() in (["first", "middle"], ["Linear"])


def test_a_callback_for_lightning_needs_its_hooks_alone(tmp_path, monkeypatch):
    """Lightning is no dependency; what it calls is called here."""
    pytorch = types.ModuleType("lightning.pytorch")
    pytorch.Callback = object
    monkeypatch.setitem(sys.modules, "lightning", types.ModuleType("lightning"))
    monkeypatch.setitem(sys.modules, "lightning.pytorch", pytorch)
    model, inputs, labels = made("perceptron")
    callback = lightning_callback((inputs, labels), path=tmp_path, every=2)
    callback.on_fit_start(None, model)
    for _ in range(4):
        callback.on_train_batch_end(None, model, None, None, 0)
    callback.on_fit_end(None, model)
    assert sorted(pd.read_parquet(tmp_path / "modules.parquet").step.unique()) == [0, 2, 4]


def test_a_network_without_weights_is_refused():
    with pytest.raises(InputError, match="nothing to watch"):
        ModuleProbe(nn.ReLU(), torch.ones(2, 2), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="every: 0"):
        watch(nn.Linear(1, 2), (torch.ones(2, 1), torch.tensor([0, 1])), every=0)
