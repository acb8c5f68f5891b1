"""Every claim of every figure can be supported, refuted and left open by the tables.

Each figure has a few sets of tables; a claim must meet all three verdicts among them. A claim that
no table could refute would say nothing, and one that a single seed decides would say too much.
"""

import importlib
from functools import cache
from pathlib import Path

import pytest
import yaml

import tables_of_dynamics
import tables_of_networks
from gradient_atlas.claims.verdict import NOT_MEASURED, REFUTED, SUPPORTED

ROOT = Path(__file__).parents[1]
FIGURES = yaml.safe_load((ROOT / "config/config.yaml").read_text())["figures"]
# What the source documents say, by the identifiers under which the claims stand.
STATEMENTS = """
    derivative-bounds product-of-tenths sigmoid-exponential-decay sigmoid-quarter-per-layer
    sigmoid-ten-decades early-layers-below-1e-10 tanh-vanishes large-init-explodes
    large-init-saturates float32-overflow relu-he-flat he-forward-variance variants-stabilise
    saturating-plateau relu-keeps-learning early-layers-learn-slowly xavier-for-saturating
    he-for-relu batch-norm-stabilises residual-identity-path gating-keeps-gradients
    recurrent-explodes clipping-caps weight-decay-keeps-small small-rate-is-stable
    leaky-prevents-dying bad-init-explodes-relu clipping-or-he-mitigates quadratic-small-rate
    quadratic-medium-rate quadratic-threshold flow-and-descent-part flow-is-the-limit
    descent-escapes-slow-regions edge-of-stability layerwise-rates
""".split()  # noqa: SIM905


@cache
def verdicts_met(figure):
    """The verdicts of each of a figure's claims over its sets of tables; none of no claims."""
    module = importlib.import_module(f"figures.{figure}")
    make = getattr(tables_of_networks, figure, None) or getattr(tables_of_dynamics, figure, None)
    if make is None:
        assert module.claims({}) == []
        return {}
    met = {}
    for tables in make():
        for claim in module.claims(tables):
            met.setdefault(claim.claim, set()).add(claim.verdict)
            assert claim.source and claim.statement and claim.condition and claim.quantity
            assert "nan" not in claim.condition.replace(",", " ").split()
    return met


@pytest.mark.parametrize("figure", FIGURES)
def test_each_claim_meets_every_verdict(figure):
    every = {SUPPORTED, REFUTED, NOT_MEASURED}
    met = verdicts_met(figure)
    assert {claim: every - verdicts for claim, verdicts in met.items() if verdicts != every} == {}


def test_each_statement_of_the_sources_has_a_claim():
    declared = {claim.split("/")[0] for f in FIGURES for claim in verdicts_met(f)}
    assert set(STATEMENTS) <= declared
