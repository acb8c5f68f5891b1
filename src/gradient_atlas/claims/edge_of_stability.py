"""Moves here with its figure."""

from figures.edge_of_stability import claims

__all__ = ["claims"]
