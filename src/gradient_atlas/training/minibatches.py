"""What every loop over minibatches does: draw them, see divergence, tell how good it is."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional


def generators(seed: int) -> tuple[Generator, Generator]:
    """Independent generators for the weights and for the order of the examples."""
    weights, order = np.random.SeedSequence(seed).generate_state(2, np.uint64) >> np.uint64(1)
    return torch.Generator().manual_seed(int(weights)), torch.Generator().manual_seed(int(order))


def minibatches(
    examples: int, batch_size: int, generator: Generator, first: int = 0
) -> Iterator[Tensor]:
    """Indices of minibatches of equal size without end, each epoch a new permutation.

    The first so many are left out, as a run does that goes on.
    """
    size = min(batch_size, examples)
    while True:
        permutation = torch.randperm(examples, generator=generator)
        batches = permutation[: examples // size * size].split(size)
        yield from batches[first:]
        first = max(0, first - len(batches))


def is_finite(loss: Tensor, gradients: Sequence[Tensor]) -> bool:
    """Whether the loss and all entries of the gradients are finite."""
    if not math.isfinite(loss.item()):
        return False
    tensors = [g if g.is_contiguous() else g.contiguous() for g in gradients]
    # The look that torch.amp.GradScaler takes: it writes entries times 1, and so leaves them as
    # they are. A norm of each tensor takes five times as long as one call for all.
    found, one = loss.new_zeros(1, dtype=torch.float32), loss.new_ones(1, dtype=torch.float32)
    torch._amp_foreach_non_finite_check_and_unscale_(tensors, found, one)
    return not found.item()


def loss_and_accuracy(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """Mean cross-entropy in nats, and the share of rows whose largest logit is the label's."""
    loss = float(functional.cross_entropy(logits, labels))
    return loss, float((logits.argmax(dim=1) == labels).double().mean())
