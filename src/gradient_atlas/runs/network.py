"""One training run of a named network: every choice that changes a number in its tables."""

import ast
import difflib
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradient_atlas.errors import InputError
from gradient_atlas.runs import extension
from gradient_atlas.runs.feedforward import Perceptron
from gradient_atlas.runs.parameters import at_least, check, chosen, parse, wrong

ARCHITECTURES = ("mlp", "conv", "resnet", "transformer")
_BUILT_IN = Path(__file__).parents[1] / "networks/architectures.py"


@dataclass(frozen=True)
class NetworkRun:
    """A network and its training by SGD; the keys of ``networks.sweeps`` in the config.

    Attributes:
        dataset: name of a data set of images.
        architecture: one of ``ARCHITECTURES``, or ``package.module:function``.
        architecture_options: options of that function; None: its defaults.
        optimizer: ``sgd`` or ``adam``.
        learning_rate: step size η.
        momentum: heavy-ball coefficient β of SGD.
        warmup_steps: updates over which the step size rises to η in equal steps.
        batch_size: examples in an update.
        max_steps: updates; 0 measures the initialisation alone.
        every: updates between two measurements.
        training_examples: use the first so many training rows; None: all.
        probe_examples: rows of the fixed batch on which modules are measured.
        evaluation_examples: training and test rows on which loss and accuracy are measured.
        precision: ``float32`` or ``float64``.
    """

    dataset: str
    architecture: str = chosen("mlp", *ARCHITECTURES, or_own=True)
    architecture_options: dict | None = None  # type: ignore[type-arg]
    optimizer: str = chosen("sgd", "sgd", "adam")
    learning_rate: float = at_least(0, 0.05)
    momentum: float = at_least(0, 0.0)
    warmup_steps: int = at_least(0, 0)
    batch_size: int = at_least(1, 64)
    max_steps: int = at_least(0, 0)
    every: int = at_least(1, 10)
    training_examples: int | None = at_least(1, None)
    probe_examples: int = at_least(1, 64)
    evaluation_examples: int = at_least(1, 1000)
    precision: str = chosen("float32", "float32", "float64")

    def __post_init__(self) -> None:
        """Raise InputError for a value that cannot be trained with."""
        check(self)
        if self.optimizer == "adam" and self.momentum:
            raise wrong("momentum", self.momentum, "0 with optimizer: adam, which has its own")


def parse_network_run(parameters: Mapping[str, Any]) -> NetworkRun:
    """Return the run that these parameters describe, its options known to the network's function.

    Raises:
        InputError: as ``parameters.parse``; an architecture that cannot be found, and an option
            that it does not take.
    """
    run = parse(NetworkRun, parameters)
    check_architecture(run.architecture, run.architecture_options or {})
    return run


def check_architecture(architecture: str, options: Mapping[str, Any]) -> None:
    """Raise InputError for a network that cannot be found or an option that it does not take.

    The values of the perceptron's options are checked too; others' functions check their own.
    """
    if architecture not in ARCHITECTURES and not extension.is_extension(architecture):
        right = f"one of {', '.join(ARCHITECTURES)}, or package.module:function"
        raise wrong("architecture", architecture, right)
    if (known := _options_of(architecture)) is not None:
        check_options(architecture, known, options)
    if architecture == "mlp":
        try:
            parse(Perceptron, options)
        except InputError as error:
            raise InputError(f"architecture_options.{error}") from None


def deepnorm(layers: int) -> tuple[float, float]:
    """α and β of an encoder of so many layers (Wang et al. 2022, table 1)."""
    return (2 * layers) ** 0.25, (8 * layers) ** -0.25


def check_options(architecture: str, known: Sequence[str], options: Mapping[str, Any]) -> None:
    """Raise InputError for an option that is not among those that the network's function takes."""
    for key in options:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            takes = f"it takes {', '.join(known) or 'none'}"
            hint = f"did you mean {close[0]}?" if close else takes
            raise InputError(
                f"architecture_options.{key}: {architecture!r} has no such option; {hint}"
            )


def whole_options(architecture: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """A built-in network's options with the defaults of those that are not given."""
    for node in _parsed(_BUILT_IN.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name == architecture:
            defaults = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            known = {one.arg: ast.literal_eval(value) for one, value in defaults if value}
            return known | dict(options)
    return dict(options)


@functools.cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


def _options_of(architecture: str) -> list[str] | None:
    """The options of a network's function, from its text: a plan must not import torch.

    None where the text does not say them.
    """
    name, file = architecture, _BUILT_IN
    if extension.is_extension(architecture):
        name = architecture.rpartition(":")[2]
        found = extension.source_file(architecture, "architecture")
        if found is None or found.suffix != ".py":
            return None
        file = found
    for node in _parsed(file.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name == name and node.args.kwarg is None:
            return [one.arg for one in [*node.args.args[2:], *node.args.kwonlyargs]]
    return None
