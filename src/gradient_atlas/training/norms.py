"""2-norms that neither underflow nor overflow.

A norm in float32 squares first: it reads 0 below about 1e-23 and inf above about 1e19 while the
gradient itself is still there. Here the squares are taken and summed in float64, after division by
the largest entry, so that a float64 gradient of 1e200 has a norm as well.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def norm(values: Tensor) -> float:
    """The 2-norm of all entries (the Frobenius norm of a matrix), accumulated in float64.

    NaN when an entry is NaN, otherwise inf when an entry is infinite; 0 for an empty tensor.
    """
    return each_norm([values])[0]


def each_norm(tensors: Sequence[Tensor]) -> list[float]:
    """The norm of each of some tensors, which are read at once."""
    found = [torch.linalg.vector_norm(t.detach(), dtype=torch.float64) for t in tensors]
    sizes = torch.stack(found).tolist() if found else []
    # Away from these sizes a square may have left float64's range: float32 entries never get there.
    return [
        size if 1e-140 < size < 1e140 else _scaled_norm(values)
        for size, values in zip(sizes, tensors, strict=True)
    ]


def _scaled_norm(values: Tensor) -> float:
    if values.numel() == 0:
        return 0.0
    values = values.detach().to(torch.float64)
    low, high = torch.aminmax(values)
    largest = float(torch.maximum(-low, high))
    if largest == 0.0 or not math.isfinite(largest):
        return largest
    return largest * float(torch.linalg.vector_norm(values / largest))


def spectral_norm(matrix: Tensor) -> float:
    """The largest singular value of a finite matrix, in float64.

    The root of the largest eigenvalue of the smaller Gram matrix: a third of the work of all
    singular values, and as exact for the largest.
    """
    values = matrix.detach().to(torch.float64).numpy()
    size = float(np.abs(values).max(initial=0.0))
    if size == 0.0 or not math.isfinite(size):
        return size
    values = values / size
    gram = values @ values.T if len(values) <= values.shape[1] else values.T @ values
    return size * math.sqrt(float(np.linalg.eigvalsh(gram)[-1]))


def global_norm(tensors: Sequence[Tensor]) -> float:
    """The 2-norm of all entries of all tensors together, accumulated in float64."""
    if len(tensors) == 1:  # no copy, which at a logged step costs as much as a pass
        return norm(tensors[0])
    flat = [values.detach().reshape(-1).to(torch.float64) for values in tensors]
    return norm(torch.cat(flat)) if flat else 0.0


def float32_norm(values: Tensor) -> float:
    """What a norm computed in float32 throughout reads: 0 or inf where it under- or overflows.

    The squares are formed explicitly: a library's reduction may hold a wider accumulator, and it is
    the plain float32 computation that this stands for.
    """
    return each_float32_norm([values])[0]


def each_float32_norm(tensors: Sequence[Tensor]) -> list[float]:
    """``float32_norm`` of each of some tensors, which are read at once."""
    squares = (values.detach().to(torch.float32).square() for values in tensors)
    return torch.stack([square.sum(dtype=torch.float32) for square in squares]).sqrt().tolist()


def root_mean_square(values: Tensor) -> float:
    """√(mean of squares) over all entries, accumulated in float64; NaN for an empty tensor."""
    if values.numel() == 0:
        return math.nan
    return norm(values) / math.sqrt(values.numel())
