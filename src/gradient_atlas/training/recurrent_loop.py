"""Train recurrent networks on the adding problem and follow the error signal back through time."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gradient_atlas.networks import recurrent
from gradient_atlas.networks.recurrent import RecurrentParameters
from gradient_atlas.networks.recurrent_gradient import LossGradient
from gradient_atlas.runs.recurrent import RecurrentRun
from gradient_atlas.training import adding_problem, checkpoints
from gradient_atlas.training.adam import Adam
from gradient_atlas.training.checkpoints import Checkpoint
from gradient_atlas.training.optimizers import SGD, clip_gradients
from gradient_atlas.training.progress import Progress

# Sequences of the probe are the same for every run and every seed; training uses seeds below this.
PROBE_SEED = 2**40
TRAINING_SEED_OFFSET = 2**32

Rows = dict[str, list[int | float | str]]


@np.errstate(all="ignore")  # a product that overflows is recorded as divergence
def train(
    run: RecurrentRun,
    seeds: list[int],
    progress_label: str | None = None,
    perturbation: float = 0.0,
    checkpoint: Checkpoint = checkpoints.NONE,
) -> tuple[Rows, Rows]:
    """Train one network a seed, all seeds side by side.

    Returns (signals, losses), columns of equal length. Signals: a row a lag, at step 0 and after
    the last step, measured in float64 (training is in float32). Losses: a row a step, the loss of
    that step's new batch before its update and the gradient's norm before clipping.
    A seed whose loss or gradient is not finite ends with status "diverged" and keeps its rows.
    ``perturbation`` is that of ``adding_problem.draw_sequences``; ``checkpoint`` keeps what an
    unfinished run has done.
    """
    initial = recurrent.initialize(
        run.cell,
        adding_problem.INPUTS,
        run.hidden_size,
        run.recurrent_initialization,
        run.recurrent_scale,
        run.gate_bias,
        run.sequence_length,
        seeds,
    )
    signals: Rows = {
        name: [] for name in ("seed", "step", "lag", "error_signal_norm", "cell_signal_norm")
    }
    losses: Rows = {name: [] for name in ("seed", "step", "train_loss", "gradient_norm", "status")}
    _append_signals(signals, run, initial, seeds, 0, perturbation)
    if run.steps:
        parameters = initial.to(torch.float32)
        _descend(run, parameters, seeds, losses, progress_label, perturbation, checkpoint)
        _append_signals(signals, run, parameters.to(torch.float64), seeds, run.steps, perturbation)
    return signals, losses


def signals_through_time(
    cell: str, parameters: RecurrentParameters, inputs: Tensor, targets: Tensor
) -> tuple[Tensor, Tensor]:
    """The norms of the error signals at every time step.

    inputs (S, T, examples, k), targets (examples,). Returns two tensors (S, T): root mean squares
    over the examples of ‖∂ℓ_i/∂h_t‖ and of ‖∂ℓ_i/∂c_t‖ (nan where the cell has no c), with
    ℓ_i = (prediction - target)² of one sequence. ∂/∂h_t holds c_t fixed: h_t and c_t are the two
    parts of an LSTM's state, and c_t's own signal includes the path through h_t.
    """
    states = recurrent.unroll(cell, parameters, inputs)
    loss = ((states.prediction - targets) ** 2).sum()
    gradients = torch.autograd.grad(loss, states.hidden + states.cell)
    length = len(states.hidden)
    norms = [_root_mean_square_norm(gradient) for gradient in gradients]
    hidden = torch.stack(norms[:length], dim=1)
    cell_norms = torch.stack(norms[length:], dim=1) if states.cell else hidden * torch.nan
    return hidden, cell_norms


def clip_each_seed(gradients: Sequence[Tensor], threshold: float) -> list[float]:
    """Clip each seed's gradient (entry of the first axis) in place by ``clip_gradients``.

    Returns each seed's global norm before.
    """
    norms = []
    for seed in range(len(gradients[0])):
        own = [gradient[seed] for gradient in gradients]
        clipped, before, _ = clip_gradients(own, threshold)
        norms.append(before)
        if before > threshold:
            for gradient, scaled in zip(own, clipped, strict=True):
                gradient.copy_(scaled)
    return norms


def _descend(
    run: RecurrentRun,
    parameters: RecurrentParameters,
    seeds: list[int],
    losses_table: Rows,
    label: str | None,
    perturbation: float,
    checkpoint: Checkpoint,
) -> None:
    tensors = parameters.tensors()
    loss_gradient = LossGradient(run.cell, parameters, run.sequence_length, run.batch_size)
    # Both rules work element by element, so seeds stacked in one tensor do not touch each other.
    optimizer = {"sgd": SGD, "adam": Adam}[run.optimizer](tensors, run.learning_rate)
    generators = [torch.Generator().manual_seed(TRAINING_SEED_OFFSET + seed) for seed in seeds]
    alive, first = [True] * len(seeds), 0
    if state := checkpoint.read():
        checkpoints.put_back(state, tensors, optimizer)
        alive, first = state["alive"], state["step"]
        losses_table.update(state["losses"])
        for generator, kept in zip(generators, state["generators"], strict=True):
            generator.set_state(kept)
    progress = Progress(label, run.steps, first) if label else None
    for step in range(first, run.steps):
        if checkpoint.is_due():
            checkpoint.write(
                checkpoints.state_of(tensors, optimizer)
                | {"step": step, "alive": alive, "losses": losses_table}
                | {"generators": [generator.get_state() for generator in generators]}
            )
        batches = [
            adding_problem.draw_sequences(
                run.batch_size, run.sequence_length, generator, torch.float32, perturbation
            )
            for generator in generators
        ]
        inputs = torch.stack([batch[0] for batch in batches])
        targets = torch.stack([batch[1] for batch in batches])
        losses, gradients = loss_gradient(inputs, targets)
        norms = clip_each_seed(gradients, math.inf if run.clip_norm is None else run.clip_norm)
        for position, seed in enumerate(seeds):
            if not alive[position]:
                continue
            loss, norm = losses[position].item(), norms[position]
            alive[position] = math.isfinite(loss) and math.isfinite(norm)
            status = "ok" if alive[position] else "diverged"
            _append(losses_table, (seed, step, loss, norm, status))
        if not any(alive):
            break
        optimizer.step(gradients)
        if progress is not None and progress.is_due():
            progress.report(step, losses[0].item())
    if progress is not None:
        progress.finish(step + 1, f"{sum(alive)} of {len(seeds)} seeds finite")


def _append_signals(
    signals: Rows,
    run: RecurrentRun,
    parameters: RecurrentParameters,
    seeds: list[int],
    step: int,
    perturbation: float,
) -> None:
    inputs, targets = adding_problem.draw_sequences(
        run.probe_examples,
        run.sequence_length,
        torch.Generator().manual_seed(PROBE_SEED),
        torch.float64,
        perturbation,
    )
    shared = inputs.expand(len(seeds), *inputs.shape)
    hidden, cell = signals_through_time(run.cell, parameters, shared, targets)
    for position, seed in enumerate(seeds):
        for lag in range(run.sequence_length):
            time = run.sequence_length - 1 - lag
            row = (seed, step, lag, hidden[position, time].item(), cell[position, time].item())
            _append(signals, row)


def _append(rows: Rows, row: tuple[int | float | str, ...]) -> None:
    for name, value in zip(rows, row, strict=True):
        rows[name].append(value)


def _root_mean_square_norm(gradient: Tensor) -> Tensor:
    """Root mean square over examples of the norm over units: (S, examples, n) to (S,)."""
    return (gradient.double() ** 2).sum(-1).mean(-1).sqrt()
