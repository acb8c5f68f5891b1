"""Every claim of every figure can be supported, refuted, left open and not measured.

Each figure has a few sets of tables; a claim must meet every verdict of its kind among them and the
same tables without a row. A claim that no table could refute would say nothing, and one that a
single seed decides would say too much.
"""

import importlib
from functools import cache
from pathlib import Path

import pytest
import yaml

import tables_of_dynamics
import tables_of_ensembles
import tables_of_networks
from gradient_atlas.claims.verdict import IDENTITY, NOT_MEASURED, REFUTED, SUPPORTED, UNDECIDED

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


EVERY = {
    "mean": {SUPPORTED, REFUTED, UNDECIDED, NOT_MEASURED},
    "every": {SUPPORTED, REFUTED, UNDECIDED, NOT_MEASURED},
    "some": {SUPPORTED, REFUTED, UNDECIDED, NOT_MEASURED},
    "exact": {SUPPORTED, REFUTED, NOT_MEASURED},
    "identity": {IDENTITY, REFUTED, NOT_MEASURED},
}


@cache
def verdicts_met(figure):
    """By claim of a figure its kind, and its verdicts over the figure's sets of tables."""
    module = importlib.import_module(f"gradient_atlas.claims.{figure}")
    made = (tables_of_networks, tables_of_dynamics, tables_of_ensembles)
    make = next((found for one in made if (found := getattr(one, figure, None))), None)
    if make is None:
        assert module.claims({}) == []
        return {}
    met = {}
    sets = list(make())
    nothing = {name: table.iloc[:0] for name, table in sets[0].items()}
    for tables in [*sets, nothing]:
        for claim in module.claims(tables):
            met.setdefault(claim.claim, (claim.kind, set()))[1].add(claim.verdict)
            assert claim.source and claim.statement and claim.condition and claim.quantity
            said = f"{claim.condition} {claim.remark}".replace(",", " ").replace(".", " ").split()
            assert "nan" not in said, claim.claim
    return met


@pytest.mark.parametrize("figure", FIGURES)
def test_each_claim_meets_every_verdict(figure):
    missing = {
        claim: EVERY[kind] - verdicts for claim, (kind, verdicts) in verdicts_met(figure).items()
    }
    assert {claim: verdicts for claim, verdicts in missing.items() if verdicts} == {}


def test_each_statement_of_the_sources_has_a_claim():
    declared = {claim.split("/")[0] for f in FIGURES for claim in verdicts_met(f)}
    assert set(STATEMENTS) <= declared
