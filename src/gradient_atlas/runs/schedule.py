"""The learning rate of a step: constant, after a linear warm-up (Goyal et al. 2017)."""


def warmup_factor(step: int, warmup_steps: int) -> float:
    """By what the rate of update ``step`` (0, 1, ...) is multiplied: (step + 1) / warmup_steps
    until it is 1; 1 from the start without a warm-up (0)."""
    return min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
