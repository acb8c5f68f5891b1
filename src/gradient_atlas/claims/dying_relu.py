"""Moves here with its figure."""

from figures.dying_relu import claims

__all__ = ["claims"]
