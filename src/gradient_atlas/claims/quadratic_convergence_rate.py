"""Moves here with its figure."""

from figures.quadratic_convergence_rate import claims

__all__ = ["claims"]
