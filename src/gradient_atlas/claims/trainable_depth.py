"""Moves here with its figure."""

from figures.trainable_depth import claims

__all__ = ["claims"]
