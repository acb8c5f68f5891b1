"""Losses of networks against numpy by hand, against autograd on the module, and differences."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from gradient_atlas.datasets.prepare import prepare
from gradient_atlas.dynamics.losses import gradient, hessian_vector_product
from gradient_atlas.dynamics.network_loss import half_squared_distance, module_loss, network_loss
from gradient_atlas.dynamics.sharpness import hessian, sharpness
from gradient_atlas.errors import InputError
from gradient_atlas.networks.architectures import build
from gradient_atlas.tables.files import metadata, read


def small(dtype: torch.dtype = torch.float64, seed: int = 3):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(7, 4, generator=generator, dtype=torch.float64).to(dtype)
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0])
    return inputs, labels, network_loss(inputs, labels, (5, 3), seed, classes=3)


def test_value_is_half_the_squared_distance_averaged_over_examples():
    inputs, labels, loss = small()
    theta, start = loss.start.numpy(), 0
    parameters = []
    for n_out, n_in in ((5, 4), (3, 5), (3, 3)):
        weight = theta[start : start + n_out * n_in].reshape(n_out, n_in)
        bias = theta[start + n_out * n_in : start + n_out * (n_in + 1)]
        parameters.append((weight, bias))
        start += n_out * (n_in + 1)
    assert start == len(theta)
    distances = []
    for x, label in zip(inputs.numpy(), labels, strict=True):
        a = x
        for weight, bias in parameters[:-1]:
            a = np.tanh(weight @ a + bias)
        output = parameters[-1][0] @ a + parameters[-1][1]
        distances.append(0.5 * ((output - np.eye(3)[label]) ** 2).sum())
    assert float(loss.function(loss.start)) == pytest.approx(np.mean(distances), rel=1e-13)


def test_gradient_is_that_of_central_differences():
    *_, loss = small()
    theta = loss.start + 0.3 * torch.sin(torch.arange(len(loss.start), dtype=torch.float64))
    step = 1e-6
    differences = [
        float(loss.function(theta + step * unit) - loss.function(theta - step * unit)) / (2 * step)
        for unit in torch.eye(len(theta), dtype=torch.float64)
    ]
    assert gradient(loss, theta).numpy() == pytest.approx(np.array(differences), abs=1e-9)


def test_start_is_uniform_by_fan_in_with_zero_biases_and_belongs_to_the_seed():
    inputs, labels = torch.zeros(1, 64), torch.zeros(1, dtype=torch.int64)
    start = network_loss(inputs, labels, (100,), seed=0).start
    weights, biases = start[:6400], start[6400:6500]
    assert start.dtype == inputs.dtype
    assert float(weights.abs().max()) <= 1 / 8
    assert float(weights.var()) == pytest.approx(1 / (3 * 64), rel=0.05)
    assert not biases.any()
    assert torch.equal(start, network_loss(inputs, labels, (100,), seed=0).start)
    assert not torch.equal(start, network_loss(inputs, labels, (100,), seed=1).start)


def test_precision_only_rounds():
    *_, single = small(torch.float32)
    *_, double = small(torch.float64)
    assert torch.equal(single.start, double.start.float())
    assert float(single.function(single.start)) == pytest.approx(
        float(double.function(double.start)), rel=1e-6
    )


@pytest.mark.parametrize(
    ("labels", "widths", "word"),
    [([0, 1], (3,), "do not match"), ([0, 1, 5], (3,), "0 to 2"), ([0, 1, 2], (0,), "1 or more")],
)
def test_what_does_not_fit_is_named(labels, widths, word):
    with pytest.raises(InputError, match=word):
        network_loss(torch.zeros(3, 2), torch.tensor(labels), widths, seed=0, classes=3)


ANY = {
    "conv": {"depth": 2, "channels": 3, "activation": "tanh"},
    "transformer": {"layers": 1, "width": 8, "heads": 2, "activation": "gelu"},
    "resnet": {"blocks": 1, "channels": 2, "normalization": "batch_norm", "activation": "silu"},
    "mlp": {"depth": 3, "width": 5, "activation": "tanh", "normalization": "layer_norm"},
}


def any_module(name):
    torch.manual_seed(0)
    if name == "torch":  # whose fused attention has no second derivative
        block = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, activation="gelu")
        model = nn.Sequential(
            nn.Flatten(2), nn.Linear(25, 4), block, nn.Flatten(), nn.Linear(4, 3)
        ).double()
    else:
        model = build(name, (1, 5, 5), 3, ANY[name]).double()
    inputs, labels = torch.randn(6, 1, 5, 5, dtype=torch.float64), torch.arange(6) % 3
    return model, inputs, functional.one_hot(labels, 3).double()


@pytest.mark.parametrize("name", [*ANY, "torch"])
def test_the_loss_of_any_module_is_the_module_s_own_with_its_gradient(name):
    model, inputs, targets = any_module(name)
    loss = module_loss(model, inputs, targets)
    parameters = list(model.parameters())
    assert torch.equal(loss.start, torch.cat([p.detach().reshape(-1) for p in parameters]))
    own = half_squared_distance(model(inputs), targets)
    # Only nearly: MKL's last bit hangs on where in memory a matrix lies.
    close = {"rtol": 1e-12, "atol": 1e-15}
    torch.testing.assert_close(loss.function(loss.start), own, **close)
    expected = torch.cat([g.reshape(-1) for g in torch.autograd.grad(own, parameters)])
    torch.testing.assert_close(gradient(loss, loss.start), expected, **close)
    # Elsewhere in θ: the same as torch's own way of calling a module with other parameters.
    theta = loss.start + 0.1 * torch.sin(torch.arange(len(loss.start), dtype=torch.float64))
    pieces = theta.split([p.numel() for p in parameters])
    names = [key for key, _ in model.named_parameters()]
    shaped = {k: v.view(p.shape) for k, v, p in zip(names, pieces, parameters, strict=True)}
    called = torch.func.functional_call(model, shaped, (inputs,))
    torch.testing.assert_close(
        loss.function(theta), half_squared_distance(called, targets), **close
    )
    assert all(map(torch.equal, parameters, model.parameters()))


@pytest.mark.parametrize("name", [*ANY, "torch"])
def test_hessian_vector_products_of_any_module_are_differences_of_gradients(name):
    loss = module_loss(*any_module(name))
    vector = torch.cos(torch.arange(len(loss.start), dtype=torch.float64))
    step = 1e-6
    up, down = (gradient(loss, loss.start + sign * step * vector) for sign in (1, -1))
    differences = ((up - down) / (2 * step)).numpy()
    product = hessian_vector_product(loss, loss.start, vector).numpy()
    assert product == pytest.approx(differences, abs=1e-6 * np.abs(differences).max())
    operator = hessian(loss, loss.start)
    assert operator @ vector.numpy() == pytest.approx(product, rel=1e-9, abs=1e-12)
    dense = operator @ np.eye(len(loss.start))
    assert sharpness(loss, loss.start) == pytest.approx(np.linalg.eigvalsh(dense)[-1], rel=1e-3)


class Shared(nn.Module):
    """One matrix under two names, and one that is not trained."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4, bias=False)
        self.second.weight = self.first.weight
        self.head = nn.Linear(4, 2).requires_grad_(False)

    def forward(self, x):
        return self.head(torch.tanh(self.second(torch.tanh(self.first(x)))))


def test_a_shared_weight_is_one_part_of_theta_and_a_frozen_one_none():
    model, inputs = Shared().double(), torch.randn(5, 4, dtype=torch.float64)
    loss = module_loss(model, inputs, torch.zeros(5, 2, dtype=torch.float64))
    assert len(loss.start) == 4 * 4 + 4
    step, unit = 1e-6, torch.zeros_like(loss.start)
    unit[3] = step
    slope = float(loss.function(loss.start + unit) - loss.function(loss.start - unit)) / (2 * step)
    assert float(gradient(loss, loss.start)[3]) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Sequential(nn.Linear(4, 2), nn.Dropout(0.5)), "the same parameters give"),
        (nn.Tanh(), "Tanh has no parameter to train"),
        (nn.RNN(4, 2), "RNN keeps its own views"),
    ],
)
def test_what_is_no_function_of_its_parameters_is_refused(model, message):
    with pytest.raises(InputError, match=message):
        torch.manual_seed(0)
        module_loss(model, torch.arange(32.0).reshape(8, 4).sin(), torch.zeros(8, 2))


def test_the_sharpness_of_a_convolutional_network_from_its_script(tmp_path):
    prepare("digits", tmp_path / "digits", None)
    settings = {
        "examples": 12, "precision": "float64", "seeds": [0, 1], "steps": 4, "every": 2,
        "learning_rate": 0.1, "activation": "tanh", "architecture": "conv",
        "architecture_options": {"depth": 1, "channels": 2},
    }  # fmt: skip
    script = Path(__file__).parents[1] / "src/measure_sharpness.py"
    command = [sys.executable, script, "descent", "--settings", json.dumps(settings)]
    command += ["--dataset", tmp_path / "digits", "--output", tmp_path / "part.parquet"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    table = read(tmp_path / "part.parquet")
    measured = table[table.step % 2 == 0]
    assert sorted(table.step.unique()) == [0, 1, 2, 3, 4] and measured.sharpness.notna().all()
    ends = table.groupby("seed").train_loss
    assert (ends.last() < ends.first()).all()
    made = metadata(tmp_path / "part.parquet")["run"]
    assert json.loads(made["architecture_options"]) == {"depth": 1, "channels": 2}
    assert "hidden_widths" not in made
    # The first row is the network that the seed makes.
    torch.manual_seed(1)
    model = build("conv", (1, 8, 8), 10, settings["architecture_options"] | {"activation": "tanh"})
    pixels = np.load(tmp_path / "digits/train_images.npy")[:12].reshape(12, 1, 8, 8) / 255
    facts = json.loads((tmp_path / "digits/dataset.json").read_text())
    inputs = torch.from_numpy((pixels - facts["mean"]) / facts["standard_deviation"])
    labels = torch.from_numpy(np.load(tmp_path / "digits/train_labels.npy")[:12])
    with torch.no_grad():
        expected = half_squared_distance(model.double()(inputs), functional.one_hot(labels, 10))
    first = table[(table.seed == 1) & (table.step == 0)].train_loss.item()
    assert first == pytest.approx(float(expected), rel=1e-10)
