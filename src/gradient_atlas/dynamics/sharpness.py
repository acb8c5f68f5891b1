"""Sharpness, the largest eigenvalue of a loss's Hessian, along descent and along its flow.

On a quadratic, descent with learning rate η diverges once the sharpness S exceeds 2/η. On a
network S rises during training and then stays about 2/η (Cohen et al. 2021); the flow knows no η.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import RK23
from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, LinearOperator, eigsh
from torch import Tensor

from gradient_atlas.dynamics.descent import until_divergence
from gradient_atlas.dynamics.losses import Loss, hessian_at, value_and_gradient
from gradient_atlas.errors import InputError

Vector = NDArray[np.float64]
Status = Literal["ok", "diverged"]


@dataclass(frozen=True)
class Point:
    """One logged point of a path.

    ``time`` is kη for step k of descent. ``sharpness`` is nan where it was not measured, and where
    the point is so far out that the eigenvalue is not finite. ``energy_error`` (flow only, else
    nan) is |L(θ(t)) + ∫₀ᵗ ‖∇L‖² ds - L(θ(0))|, which the exact flow keeps at 0.
    ``second_eigenvalue`` is measured with the sharpness, and ``step_curvature`` (descent only, from
    its first step on) is the loss's mean curvature along the step that led here, ⟨∇L(θ_k) -
    ∇L(θ_{k-1}), s⟩ / ‖s‖² with s = θ_k - θ_{k-1}.
    """

    step: int
    time: float
    loss: float
    sharpness: float
    status: Status
    energy_error: float = math.nan
    second_eigenvalue: float = math.nan
    step_curvature: float = math.nan


def hessian(loss: Loss, theta: Tensor, preconditioner: Tensor | None = None) -> LinearOperator:
    """∇²L(θ) as an operator on float64 vectors (d,).

    Products are made in θ's precision (``losses.hessian_at``). With a ``preconditioner``, the
    positive diagonal of P (d,), it is P^(-1/2) ∇²L(θ) P^(-1/2), which has the eigenvalues of
    P⁻¹ ∇²L(θ) and is symmetric.
    """
    scale = 1.0 if preconditioner is None else preconditioner.rsqrt().to(torch.float64).numpy()
    multiply = hessian_at(loss, theta)

    def product(vector: Vector) -> Vector:
        weights = torch.from_numpy(scale * vector.reshape(-1)).to(theta.dtype)
        return np.asarray(scale * multiply(weights).to(torch.float64).numpy())

    return LinearOperator((len(theta), len(theta)), matvec=product, dtype=np.float64)


def top_eigenpairs(
    loss: Loss,
    theta: Tensor,
    count: int = 1,
    tolerance: float = 1e-3,
    preconditioner: Tensor | None = None,
) -> tuple[Vector, Vector]:
    """The ``count`` largest eigenvalues of ∇²L(θ), descending, and their eigenvectors (d, count).

    With a ``preconditioner`` those of the preconditioned Hessian, see ``hessian``.

    Implicitly restarted Lanczos (ARPACK through scipy's ``eigsh``), always from the same starting
    vector. ``tolerance`` bounds a residual relative to the eigenvalue; the eigenvalue's own error
    is of second order in it. A Hessian of fewer than count + 2 dimensions is taken apart densely.
    Both results are nan if the Hessian is not finite, or Lanczos does not converge on it.
    """
    operator, dimension = hessian(loss, theta, preconditioner), len(theta)
    if dimension < count + 2:
        dense = operator @ np.eye(dimension)
        values, vectors = np.linalg.eigh((dense + dense.T) / 2)
    else:
        start = np.random.default_rng(0).standard_normal(dimension)
        # Ten more vectors than eigenvalues cost least here; the default, 20, costs twice as much.
        basis = min(dimension, 2 * count + 10)
        try:
            values, vectors = eigsh(operator, count, which="LA", v0=start, ncv=basis, tol=tolerance)
        except (ArpackError, ArpackNoConvergence):
            if not (operator @ start).any():  # ARPACK fails on 0, as a random vector's image shows
                return np.zeros(count), np.eye(dimension, count)
            return np.full(count, math.nan), np.full((dimension, count), math.nan)
    largest = np.argsort(values)[::-1][:count]
    return values[largest], vectors[:, largest]


def sharpness(loss: Loss, theta: Tensor, tolerance: float = 1e-3) -> float:
    """S(θ), the largest eigenvalue of ∇²L(θ); see ``top_eigenpairs``."""
    return float(top_eigenpairs(loss, theta, 1, tolerance)[0][0])


def _two_largest(loss: Loss, theta: Tensor) -> tuple[float, float]:
    """The two largest eigenvalues of ∇²L(θ); nan for a second one in one dimension."""
    values, _ = top_eigenpairs(loss, theta, min(2, len(theta)))
    return float(values[0]), float(values[1]) if len(values) > 1 else math.nan


def descent_path(loss: Loss, learning_rate: float, steps: int, every: int) -> Iterator[Point]:
    """Full-batch descent from ``loss.start``: a point each step, sharpness each ``every`` steps.

    A run that diverges (see ``descent.until_divergence``) ends there, with that point (sharpness
    nan) and the status ``diverged``.

    Raises:
        InputError: learning_rate is not positive, or ``every`` is less than 1.
    """
    if every < 1:
        raise InputError(f"every: {every} steps between two measurements, it must be 1 or more")
    before = None
    for step, now in enumerate(until_divergence(loss, learning_rate, steps)):
        is_measured = step % every == 0 and not now.diverged
        largest, second = _two_largest(loss, now.theta) if is_measured else (math.nan, math.nan)
        curvature = math.nan
        if before is not None:  # the step was -η times the gradient before it
            changed = float((before - now.slope) @ before)
            curvature = changed / (learning_rate * max(float(before @ before), 1e-300))
        before = now.slope
        yield Point(
            step,
            step * learning_rate,
            now.loss,
            largest,
            "diverged" if now.diverged else "ok",
            second_eigenvalue=second,
            step_curvature=curvature,
        )


def flow_states(
    loss: Loss, times: Iterable[float], relative_tolerance: float = 1e-5
) -> Iterator[tuple[int, Tensor, float]]:
    """Gradient flow from ``loss.start`` at rising ``times``: (steps taken, θ, energy given off).

    Solved by scipy's RK23 (Bogacki & Shampine 1989; dense output of order 3). Stability, not
    accuracy, sets the step of an explicit method here (h S ≤ 2.5), and per unit of time this pair
    then needs the fewest gradients of scipy's. The local error of each weight is kept below
    ``relative_tolerance`` times its size plus 10⁻³ ``relative_tolerance``. The energy given off,
    ∫‖∇L‖² ds, is integrated as one coordinate more.

    Raises:
        RuntimeError: the solver gave up; its message says why.
    """

    def velocity(_: float, state: Vector) -> Vector:
        _, slope = value_and_gradient(loss, torch.from_numpy(state[:-1]).to(loss.start.dtype))
        slope64 = slope.to(torch.float64)
        return np.append(-slope64.numpy(), float(slope64 @ slope64))

    start = np.append(loss.start.to(torch.float64).numpy(), 0.0)
    tolerances = {"rtol": relative_tolerance, "atol": 1e-3 * relative_tolerance}
    solver, steps = RK23(velocity, 0.0, start, math.inf, **tolerances), 0
    for time in times:
        while solver.t < time:
            message = solver.step()
            steps += 1
            if solver.status == "failed":
                raise RuntimeError(f"flow of {loss.name} at time {solver.t}: {message}")
        state = solver.dense_output()(time) if time > 0 else start
        yield steps, torch.from_numpy(state[:-1].copy()).to(loss.start.dtype), float(state[-1])


def flow_path(
    loss: Loss, horizon: float, points: int, relative_tolerance: float = 1e-5
) -> Iterator[Point]:
    """Gradient flow to time ``horizon``: its start and ``points`` equidistant times, measured.

    See ``flow_states`` for the solver; ``step`` counts its steps.

    Raises:
        InputError: horizon or points is not positive.
        RuntimeError: the solver gave up; its message says why.
    """
    if not horizon > 0 or points < 1:
        raise InputError(f"flow: horizon {horizon} and points {points} must be positive")
    times = horizon * np.arange(points + 1) / points
    start_loss = math.nan
    for time, (step, theta, energy) in zip(
        times, flow_states(loss, times, relative_tolerance), strict=True
    ):
        with torch.no_grad():
            value = float(loss.function(theta))
        start_loss = value if time == 0 else start_loss
        error = abs(value + energy - start_loss)
        yield Point(step, float(time), value, sharpness(loss, theta), "ok", error)
