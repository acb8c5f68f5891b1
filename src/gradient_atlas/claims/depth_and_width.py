"""Moves here with its figure."""

from figures.depth_and_width import claims

__all__ = ["claims"]
