"""Moves here with its figure."""

from figures.central_flow import claims

__all__ = ["claims"]
