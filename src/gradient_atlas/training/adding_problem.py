"""The adding problem: remember two marked numbers of a long sequence and say their sum.

Chosen over pixel-by-pixel digits because nothing but a long memory solves it: one marked number
lies in the first half of the sequence, so the error signal must cross at least half of it. Any
length can be made; every batch is new, so the training loss estimates the expected loss; and the
loss of a network without memory is known exactly (``theory.recurrent.LOSS_WITHOUT_MEMORY``).
"""

import torch

INPUTS = 2


def draw_sequences(
    examples: int,
    sequence_length: int,
    generator: torch.Generator,
    dtype: torch.dtype,
    perturbation: float = 0.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw ``examples`` sequences and their targets.

    Returns inputs (sequence_length, examples, 2), numbers from U(0, 1) beside marks 0 or 1 with one
    1 in each half of the sequence, and targets (examples,), the sum of the two marked numbers. Each
    number is multiplied by 1 + ``perturbation`` u, u uniform in ±1 and the same in every batch.

    Source: Hochreiter & Schmidhuber 1997, section 5.4, with the ranges and one mark a half as in
    Arjovsky, Shah & Bengio 2016, section 5.2.
    """
    half = sequence_length // 2
    # Drawn in float64 and cast, so that a seed means the same sequences at every precision.
    numbers = torch.rand(sequence_length, examples, generator=generator, dtype=torch.float64)
    first = torch.randint(0, half, (examples,), generator=generator)
    second = torch.randint(half, sequence_length, (examples,), generator=generator)
    if perturbation:
        same = torch.Generator().manual_seed(0)
        u = 2.0 * torch.rand(numbers.shape, generator=same, dtype=torch.float64) - 1.0
        numbers = numbers * (1.0 + perturbation * u)
    marks = torch.zeros_like(numbers)
    columns = torch.arange(examples)
    marks[first, columns] = 1.0
    marks[second, columns] = 1.0
    targets = (numbers * marks).sum(0)
    return torch.stack([numbers, marks], dim=-1).to(dtype), targets.to(dtype)
