"""Moves here with its figure."""

from figures.activation_derivatives import claims

__all__ = ["claims"]
