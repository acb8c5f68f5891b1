"""Moves here with its figure."""

from figures.escaping_slow_regions import claims

__all__ = ["claims"]
