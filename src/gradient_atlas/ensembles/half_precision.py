"""What of a network's weight gradient is left when it is stored in a narrow floating-point format.

The gradient is computed in float64 and cast, each entry rounded to the nearest number of the format
as the formats' conversions do. A backward pass that runs in the format itself loses no less.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from gradient_atlas.networks.feedforward import FeedForward
from gradient_atlas.runs.feedforward import Run

FORMATS = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}
SMALLEST_FLOAT16 = 2.0**-24


def lost_shares(
    run: Run, inputs: Tensor, labels: Tensor, classes: int, loss_scales: Sequence[int], seed: int
) -> Iterator[dict[str, object]]:
    """Yield a row for each layer, format and loss scale of the network drawn from ``seed``.

    Args:
        run: the network; its precision must be float64.
        inputs, labels: (B, features) and (B,), the batch whose mean loss is differentiated.
        classes: of the data.
        loss_scales: k; the gradient is multiplied by 2^k before it is cast.
        seed: of the weights.

    ``lost_share``: of the entries that are not 0, those that the cast makes 0. ``overflow_share``:
    those that it makes infinite. ``gap_share``: of the entries between half of 2^-24 and 2^-24,
    those that it makes 0; nan where there is no such entry.
    """
    network = FeedForward(run, inputs.shape[1], classes, torch.Generator().manual_seed(seed))
    loss = functional.cross_entropy(network.forward(inputs, mode="probe"), labels)
    gradients = torch.autograd.grad(loss, network.weights)
    for layer, gradient in enumerate(gradients, start=1):
        entries = gradient[gradient != 0]
        for k in loss_scales:
            scaled = entries * 2.0**k
            size = scaled.abs()
            gap = (size > SMALLEST_FLOAT16 / 2) & (size < SMALLEST_FLOAT16)
            for name, dtype in FORMATS.items():
                cast = scaled.to(dtype)
                yield {
                    "seed": seed,
                    "layer": layer,
                    "format": name,
                    "loss_scale": k,
                    "lost_share": _share(cast == 0),
                    "overflow_share": _share(torch.isinf(cast)),
                    "gap_share": _share((cast == 0)[gap]),
                }


def _share(condition: Tensor) -> float:
    """Of no entry at all nan."""
    return float(condition.double().mean())
