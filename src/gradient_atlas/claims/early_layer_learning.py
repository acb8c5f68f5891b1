"""Moves here with its figure."""

from figures.early_layer_learning import claims

__all__ = ["claims"]
