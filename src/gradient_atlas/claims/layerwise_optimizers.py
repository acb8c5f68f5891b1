"""Moves here with its figure."""

from figures.layerwise_optimizers import claims

__all__ = ["claims"]
