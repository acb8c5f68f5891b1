"""Moves here with its figure."""

from figures.loss_vs_effective_time import claims

__all__ = ["claims"]
