"""Claims and captions of the figures about initialisation, on tables made up for each verdict."""

import importlib

import numpy as np
import pytest

from figures import depth_and_width, gradient_norm_vs_depth, initialization_map
from gradient_atlas.drawing.style import Style
from gradient_atlas.measures.layers import layers_to_fall, measured_slope
from made_up_runs import deep_tables, depth_tables, map_tables, network


def verdicts(module, tables):
    claims = importlib.import_module(f"gradient_atlas.claims.{module.__name__.split('.')[-1]}")
    return {claim.claim: claim.verdict for claim in claims.claims(tables)}


CASES = [
    # module, claim, tables that support it, tables that refute it
    *(
        (gradient_norm_vs_depth, depth_tables, claim, good, bad)
        for claim, good, bad in [
            ("sigmoid-exponential-decay/xavier", {}, {"sigmoid": 0.1}),
            # 15 layers of 0.235 are 0.4 decades below 15 of 0.25, of 0.2 1.5 decades.
            (
                "sigmoid-quarter-per-layer/xavier",
                {"sigmoid": np.log10(0.235)},
                {"sigmoid": np.log10(0.2)},
            ),
            ("sigmoid-quarter-per-layer/standard-at-most", {"sigmoid": -0.7}, {"sigmoid": -0.1}),
            ("tanh-vanishes/standard-error-signal", {}, {"tanh": -0.03}),
            ("tanh-vanishes/large-error-signal", {"large": -0.4}, {"large": 0.4}),
            ("tanh-vanishes/standard-weight-gradient", {}, {"tanh": 0.0}),
            ("tanh-vanishes/standard-level", {}, {"tanh": -0.1}),
            ("large-init-explodes/tanh", {}, {"large": -0.01}),
            ("large-init-explodes/sigmoid", {}, {"large": -0.01}),
            ("relu-he-flat/error-signal", {}, {"relu": 0.05}),
            ("relu-he-flat/weight-gradient", {}, {"relu": -0.05}),
        ]
    ),
    *(
        (initialization_map, map_tables, claim, good, bad)
        for claim, good, bad in [
            ("xavier-for-saturating/sigmoid", {}, {"sigmoid": -0.05}),
            ("xavier-for-saturating/tanh", {}, {"tanh": 0.05}),
            ("he-for-relu/he", {}, {"he": -0.05}),
            ("he-for-relu/against-xavier", {}, {"he": 0.3}),
            ("he-for-relu/against-standard", {}, {"he": -0.3}),
            ("variants-stabilise/gelu", {"he": 0.01}, {"gelu": -0.1}),
            ("small-weights/sigmoid-further", {}, {"small": 0.1}),
            ("small-weights/tanh-early", {}, {"small": 0.1}),
            ("variants-stabilise/leaky_relu", {"he": 0.01}, {"gelu": -0.1}),
        ]
    ),
    *(
        (depth_and_width, deep_tables, claim, good, bad)
        for claim, good, bad in [
            ("sigmoid-ten-decades/xavier", {}, {"slope": -0.6}),
            ("sigmoid-ten-decades/standard", {"slope": -0.7}, {"slope": -0.1}),
            ("early-layers-below-1e-10/xavier", {}, {"slope": -0.6}),
            ("early-layers-below-1e-10/standard", {}, {"slope": -0.2}),
            ("he-forward-variance/narrowest", {}, {"rms_slope": -0.1}),
            ("large-inputs-explode/inputs", {"gain": 0.2}, {}),
            ("large-z-vanishes/weights", {}, {"saturated": 0.35}),
        ]
    ),
]


@pytest.mark.parametrize(
    ("module", "make", "claim", "good", "bad"), CASES, ids=[case[2] for case in CASES]
)
def test_each_claim_is_supported_refuted_and_left_open(module, make, claim, good, bad):
    assert verdicts(module, make(**good))[claim] == "supported"
    assert verdicts(module, make(**bad))[claim] == "refuted"
    assert verdicts(module, make(**good, seeds=(0,)))[claim] == "undecided"


@pytest.mark.parametrize(
    ("module", "make"),
    [
        (gradient_norm_vs_depth, depth_tables),
        (initialization_map, map_tables),
        (depth_and_width, deep_tables),
    ],
)
def test_a_missing_run_and_a_vanished_norm_leave_claims_open(module, make):
    fewer = {
        name: table[(table.activation == "gelu")] if "theory" not in name else table
        for name, table in make().items()
    }
    assert "not measured" in verdicts(module, fewer).values()
    gone = make()
    for name, table in gone.items():
        if "theory" not in name:
            table[["error_signal_norm", "weight_gradient_norm", "activation_rms"]] = 0.0
            gone[name] = table
    assert set(verdicts(module, gone).values()) == {"not measured"}


def test_a_changed_table_changes_the_caption():
    before = gradient_norm_vs_depth.caption(depth_tables(large=0.4)).numbers["tanh_normal_1"]
    after = gradient_norm_vs_depth.caption(depth_tables(large=0.3)).numbers["tanh_normal_1"]
    assert before.value == pytest.approx(10**0.4)
    assert after.value == pytest.approx(10**0.3)
    caption = initialization_map.caption(map_tables(other=-0.2))
    assert caption.numbers["largest"].value == pytest.approx(0.0, abs=1e-9)
    caption = depth_and_width.caption(deep_tables(slope=-0.8))
    assert caption.numbers["xavier"].value == pytest.approx(12.5)
    assert caption.numbers["xavier_theory"].value == pytest.approx(12.5)


@pytest.mark.parametrize(
    ("module", "make"),
    [
        (gradient_norm_vs_depth, depth_tables),
        (initialization_map, map_tables),
        (depth_and_width, deep_tables),
    ],
)
def test_figures_are_drawn_also_without_theory(module, make):
    tables = make()
    for name in tables:
        if "theory" in name:
            tables[name] = tables[name].iloc[:0]
    style = Style()
    with style.applied():
        figure = module.draw(tables, style)
        figure.draw_without_rendering()
    assert module.caption(tables).plain()


def test_measures_of_one_seed():
    rows = network("tanh", "xavier", -0.25, seeds=(0,))
    assert measured_slope(rows) == pytest.approx(-0.25)
    assert layers_to_fall(rows, "error_signal_norm", 10.0) == pytest.approx(40.0)
    assert layers_to_fall(rows, "error_signal_norm", 100.0) == np.inf
