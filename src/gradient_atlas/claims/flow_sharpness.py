"""Moves here with its figure."""

from figures.flow_sharpness import claims

__all__ = ["claims"]
