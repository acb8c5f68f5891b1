"""What is measured at every module of any network on one batch: gradients, signals, activations.

One forward and one backward pass. Modules are watched that own a weight of two or more dimensions,
and normalisations with a gain, in the order in which the forward pass calls them; a weight that
several modules share is counted at the first. Hooks on outputs see the gradient as it passes, also
where the network then writes over the output. Nothing of the network changes: buffers (running
moments) and the random state are put back, ``.grad`` is not touched.

The quantities are those of ``training.probe.LayerProbe``, with the module's output for z^(l).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gradient_atlas.errors import InputError
from gradient_atlas.networks.activations import is_bounded, largest_derivative
from gradient_atlas.training import norms
from gradient_atlas.training.probe import SATURATION_SHARE
from gradient_atlas.watching.activity import Activations

Loss = Callable[[Any, Tensor], Tensor]
NORMALIZATIONS = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
)
_CHANNELS_FIRST = (nn.modules.conv._ConvNd, nn.modules.batchnorm._NormBase, nn.GroupNorm)


@dataclass
class _Seen:
    """What one pass showed of a module; its activation is the first function that follows it."""

    name: str
    module: nn.Module
    weight: nn.Parameter
    signal: list[float] = field(default_factory=list)
    output: list[tuple[float, int]] = field(default_factory=list)
    activation: dict[str, Any] = field(default_factory=dict)
    called: bool = False

    @property
    def label(self) -> str:
        """Its name, or its class where it is the network itself."""
        return self.name or type(self.module).__name__


class ModuleProbe:
    """Measures a network on one fixed batch, as often as asked, without changing it.

    Attributes:
        activations: of the last measurement, each activation function that followed a module, by a
            name that says its options too.
        weights: of the last measurement, what was measured, by ``module`` and in the same order.
    """

    def __init__(
        self, model: nn.Module, inputs: Any, labels: Tensor, loss: Loss = functional.cross_entropy
    ) -> None:
        """``inputs`` is what the model is called with (a tuple: several arguments).

        ``loss(outputs, labels)`` must be a mean over the batch's examples: the error signal per
        example is read off it.

        Raises:
            InputError: no module of the network has a weight to watch.
        """
        self.model, self.labels, self.loss = model, labels, loss
        self.activations: dict[str, Callable[[Tensor], Tensor]] = {}
        self.weights: dict[str, nn.Parameter] = {}
        self.inputs = inputs if isinstance(inputs, tuple) else (inputs,)
        if not any(_weights(model)):
            raise InputError(
                f"{type(model).__name__}: no module owns a weight of two or more dimensions or a "
                "normalisation's gain; there is nothing to watch"
            )

    @np.errstate(all="ignore")  # a product that overflows is what is looked for
    def measure(self) -> list[dict[str, Any]]:
        """A row a module in forward order: ``layer`` (from 1), ``module``, ``kind``, measurements,
        and the batch's ``loss``.

        ``mean_activation_derivative`` and the shares are nan where no activation follows,
        ``error_signal_norm`` and ``activation_rms`` where the module itself is never called
        (an attention's output projection is used without it).
        """
        model, pass_ = self.model, _Pass()
        with ExitStack() as stack:
            stack.enter_context(_unchanged(model))
            stack.enter_context(torch.enable_grad())
            for name, module, weight in _weights(model):
                stack.callback(pass_.watch(name, module, weight).remove)
            with Activations(pass_.activated):
                value = self.loss(model(*self.inputs), self.labels)
            seen = pass_.in_forward_order()
            asked = [one.weight for one in seen if one.weight.requires_grad]
            found = torch.autograd.grad(value, asked, allow_unused=True) if asked else ()
        self.activations = dict(pass_.functions)
        self.weights = {one.label: one.weight for one in seen}
        gradients = {id(weight): g for weight, g in zip(asked, found, strict=True)}
        examples = len(self.labels)
        batch = {"loss": float(value.detach())}
        return [
            batch | _row(one, order, gradients.get(id(one.weight)), examples)
            for order, one in enumerate(seen, start=1)
        ]


class _Pass:
    """Collects what the hooks of one pass see."""

    def __init__(self) -> None:
        self.modules: list[_Seen] = []
        self.functions: dict[str, Callable[[Tensor], Tensor]] = {}
        self._order: list[_Seen] = []
        self._last: _Seen | None = None

    def watch(self, name: str, module: nn.Module, weight: nn.Parameter) -> Any:
        """Put a hook on a module; the caller removes it."""
        one = _Seen(name, module, weight)
        self.modules.append(one)

        def after(_module: nn.Module, _inputs: Any, output: Any) -> None:
            value = _first_tensor(output)
            if not one.called:
                one.called = True
                self._order.append(one)
            if value is None:
                return
            one.output.append((norms.norm(value), value.numel()))
            if value.requires_grad:
                value.register_hook(lambda g: one.signal.append(norms.norm(g)))
            if not isinstance(module, NORMALIZATIONS):
                self._last = one

        return module.register_forward_hook(after)

    def activated(self, phi: Callable[[Tensor], Tensor], z: Tensor, name: str) -> None:
        """Note an activation at the module that it follows."""
        one = self._last
        if one is not None and not one.activation and z.is_floating_point():
            self.functions[name] = phi
            one.activation = _activity(phi, z.detach(), name, one.module)

    def in_forward_order(self) -> list[_Seen]:
        """The modules as they were called, each weight once; one never called after its parent."""
        found = list(self._order)
        for one in self.modules:
            if not one.called:
                parent = one.name.rpartition(".")[0]
                places = [i for i, other in enumerate(found) if other.name == parent]
                found.insert(places[0] + 1 if places else len(found), one)
        once: dict[int, _Seen] = {}
        for one in found:
            once.setdefault(id(one.weight), one)
        return list(once.values())


def _weights(model: nn.Module) -> Iterator[tuple[str, nn.Module, nn.Parameter]]:
    for name, module in model.named_modules():
        for key, parameter in module.named_parameters(recurse=False):
            gain = isinstance(module, NORMALIZATIONS) and key == "weight"
            if parameter.ndim >= 2 or gain:
                yield name, module, parameter
                break  # a module with several, such as a recurrent cell, is known by its first


@contextmanager
def _unchanged(model: nn.Module) -> Iterator[None]:
    """Put buffers and the random state back as they were."""
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    devices = sorted({p.device.index or 0 for p in model.parameters() if p.device.type == "cuda"})
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            with torch.no_grad():
                for buffer, before in buffers:
                    buffer.copy_(before)


def _first_tensor(output: Any) -> Tensor | None:
    if isinstance(output, Tensor):
        return output
    for part in output if isinstance(output, Sequence) else []:
        if (found := _first_tensor(part)) is not None:
            return found
    return None


_BOUNDS: dict[str, float] = {}  # by activation: |φ'| below which a unit is saturated; nan: none is


def _activity(
    phi: Callable[[Tensor], Tensor], z: Tensor, name: str, module: nn.Module
) -> dict[str, Any]:
    if name not in _BOUNDS:
        bounded = is_bounded(phi)
        _BOUNDS[name] = SATURATION_SHARE * largest_derivative(phi) if bounded else math.nan
    z = z.clone().requires_grad_()
    with torch.enable_grad():
        value = phi(z)
    (slope,) = torch.autograd.grad(value.sum(), z)
    value, z = value.detach(), z.detach()
    unit = 1 if isinstance(module, _CHANNELS_FIRST) and z.ndim > 1 else z.ndim - 1
    others = [axis for axis in range(z.ndim) if axis != unit]
    known = not bool(z.isnan().any())
    bound = _BOUNDS[name]
    saturated = _share(slope.abs() < bound) if known and bound == bound else math.nan
    return {
        "rms": norms.root_mean_square(value),
        "mean_activation_derivative": float(slope.mean(dtype=torch.float64)),
        "saturated_fraction": saturated,
        "dead_fraction": _share((slope == 0).all(dim=others)) if known else math.nan,
        "inactive_fraction": _share((z <= 0).all(dim=others)) if known else math.nan,
    }


def _share(condition: Tensor) -> float:
    return float(condition.mean(dtype=torch.float64))


def _row(one: _Seen, order: int, gradient: Tensor | None, examples: int) -> dict[str, Any]:
    activity = dict(one.activation)
    size = math.nan if gradient is None else norms.norm(gradient)
    entries = sum(count for _, count in one.output)
    plain = math.hypot(*(size for size, _ in one.output)) / math.sqrt(entries) if entries else None
    return {
        "layer": order,
        "module": one.label,
        "kind": type(one.module).__name__,
        "weight_gradient_norm": size,
        "float32_weight_gradient_norm": (
            math.nan if gradient is None else norms.float32_norm(gradient)
        ),
        # L is a mean over B examples: ∂ℓ_i/∂z_i is B ∂L/∂z_i, as in training.probe.
        "error_signal_norm": (
            math.sqrt(examples) * math.hypot(*one.signal) if one.signal else math.nan
        ),
        "activation_rms": activity.pop("rms", math.nan if plain is None else plain),
        "weight_norm": norms.norm(one.weight),
        "weight_gradient_entry": size / math.sqrt(one.weight.numel()),
        "mean_activation_derivative": math.nan,
        "saturated_fraction": math.nan,
        "dead_fraction": math.nan,
        "inactive_fraction": math.nan,
    } | activity
