"""Moves here with its figure."""

from figures.training_loss import claims

__all__ = ["claims"]
