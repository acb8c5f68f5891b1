"""Moves here with its figure."""

from figures.gd_vs_flow_trajectories import claims

__all__ = ["claims"]
