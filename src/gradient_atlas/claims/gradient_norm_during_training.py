"""Moves here with its figure."""

from figures.gradient_norm_during_training import claims

__all__ = ["claims"]
