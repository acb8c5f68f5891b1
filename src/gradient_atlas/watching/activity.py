"""Activation functions as they are called, whichever way a network calls them.

``nn.ReLU``, ``functional.relu``, ``torch.relu`` and ``x.relu()`` all end in a function of torch,
and a ``TorchFunctionMode`` sees each of them with its input.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

FUNCTIONS: frozenset[Any] = frozenset(
    {
        torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, functional.relu,
        torch.sigmoid, torch.sigmoid_, Tensor.sigmoid, Tensor.sigmoid_, functional.sigmoid,
        torch.tanh, torch.tanh_, Tensor.tanh, Tensor.tanh_, functional.tanh,
        functional.gelu, functional.silu, functional.leaky_relu, functional.elu, functional.selu,
        functional.celu, functional.relu6, functional.softplus, functional.mish,
        functional.hardtanh, functional.hardswish, functional.hardsigmoid, functional.logsigmoid,
        functional.softsign,
    }
)  # fmt: skip


class Activations(TorchFunctionMode):
    """While active, hands each activation to ``seen`` before it is applied.

    ``seen`` gets φ as a function of one tensor, φ's input z, and a name; it must not change z.
    """

    def __init__(self, seen: Callable[[Callable[[Tensor], Tensor], Tensor, str], None]) -> None:
        """``seen`` is called as said above."""
        super().__init__()
        self._seen = seen

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Look at activations, and let every function do what it does."""
        kwargs = kwargs or {}
        if func in FUNCTIONS:
            z, *others = args if args else (kwargs["input"],)
            options = {k: v for k, v in kwargs.items() if k not in ("input", "inplace")}

            def phi(x: Tensor) -> Tensor:
                over = func.__name__.endswith("_")  # it writes over its input
                result: Tensor = func(x.clone() if over else x, *others, **options)
                return result

            said = [str(other) for other in others] + [f"{k}={v}" for k, v in options.items()]
            self._seen(phi, z, " ".join([func.__name__.strip("_"), *said]))
        return func(*args, **kwargs)
