"""How long a training run takes, roughly: for planning alone, never part of a table."""

from gradient_atlas.runs.feedforward import Run

# Of one core of a server processor of 2023.
FLOATING_POINT_OPERATIONS_A_SECOND = 6e10  # float32
SECONDS_A_LAYER = 6e-5  # of one update, whatever the width
EVALUATED_EXAMPLES = 2000  # at each logged step, beside the probe


def estimated_seconds(run: Run, examples: int, seeds: int, inputs: int = 784) -> float:
    """Processor seconds of a run with all its seeds, to within a factor of three.

    A forward pass takes two operations a weight and example, a training step three forward passes
    of a minibatch, and a logged step a forward and a backward pass of the probe in two precisions
    and the evaluation.

    Args:
        run: the parameters.
        examples: training rows of its data set.
        seeds: how many there are.
        inputs: of one example.
    """
    rows = min(examples, run.training_examples or examples)
    steps = run.epochs * max(1, rows // run.batch_size)
    steps = steps if run.max_steps is None else min(steps, run.max_steps)
    logged = 2 + min(run.epochs, steps) + steps.bit_length()
    widths = [inputs, *[run.width] * (run.depth - 1)]
    weights = sum(width * run.width for width in widths)
    examples_a_logged_step = 6 * run.probe_examples + EVALUATED_EXAMPLES
    passes = 3 * run.batch_size * steps + examples_a_logged_step * logged
    slower = 2 if run.precision == "float64" else 1
    arithmetic = 2 * weights * passes * slower / FLOATING_POINT_OPERATIONS_A_SECOND
    return seeds * (arithmetic + SECONDS_A_LAYER * run.depth * (steps + logged))
