"""Moves here with its figure."""

from figures.quadratic_trajectories import claims

__all__ = ["claims"]
