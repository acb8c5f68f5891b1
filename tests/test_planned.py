"""What is refused when the plan is known: only what is asked for may stop a build."""

import pytest

from workflow_in_process import NotPlannedError, plan

ONE = "results/theory/linear_chain/part.parquet"
HALF = {"style": {"venue": "icml", "column": "half"}}


@pytest.mark.parametrize(
    ("target", "meant"),
    [
        ("figures/quadratic_trajectorys.pdf", "did you mean figures/quadratic_trajectories.pdf?"),
        ("figures/trainingloss.tex", "did you mean figures/training_loss.tex?"),
        ("clams", "did you mean claims?"),
        ("results/theory/linear_chains/part.parquet", f"did you mean {ONE}?"),
        ("thesis.pdf", "--list-target-rules"),
    ],
)
def test_a_misspelt_target_is_one_line(tmp_path, target, meant):
    with pytest.raises(NotPlannedError) as refused:
        plan({}, [ONE, target], tmp_path)
    said = str(refused.value)
    assert said.startswith(f"{target}: nothing makes this; ")
    assert meant in said and "\n" not in said


def test_what_an_input_function_refuses_is_one_line(tmp_path):
    target = "results/training/depth/gradients/variant=none/part.parquet"
    with pytest.raises(NotPlannedError, match=r"^depth/variant=none: not a run of [^\n]*$"):
        plan({}, [target], tmp_path)


def test_only_a_figure_that_is_asked_for_must_fit(tmp_path):
    config = HALF | {"figures": ["remedies", "activation_derivatives"]}
    jobs = plan(config, ["figures/activation_derivatives.pdf"], tmp_path)
    assert [job.rule for job in jobs].count("draw_figure") == 1
    with pytest.raises(NotPlannedError, match=r"^config: remedies: .* do not fit [^\n]*$"):
        plan(config, ["figures/remedies.pdf"], tmp_path)
