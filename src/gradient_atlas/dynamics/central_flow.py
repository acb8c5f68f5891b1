"""The central flow: the path about which gradient descent oscillates at the edge of stability.

Descent that oscillates by δ about w̄ with mean zero and covariance Σ sees, by Taylor expansion to
third order, the mean gradient ∇L(w̄) + ½ ∇⟨∇²L(w̄), Σ⟩. The central flow (Cohen, Damian, Talwalkar,
Kolter & Lee 2025, "Understanding optimization in deep learning with central flows", section 3)
follows it with the one Σ that keeps every Hessian eigenvalue at or below 2/η:

    dw/dt = -η [∇L(w) + ½ ∇_w ⟨∇²L(w), Σ⟩],   t in steps of descent,

with Σ = U X Uᵀ, U (d, k) the eigenvectors whose eigenvalues are critical and X (k, k) the solution
of the semidefinite complementarity problem  0 ⪯ X ⟂ 2/η - Uᵀ∇²L(w(t + dt))U ⪰ 0, linearised in dt.
With one critical eigenvalue S = 2/η this is Σ = σ²uuᵀ with σ² = 2 ⟨-∇L, ∇S⟩ / ‖∇S‖², or 0 if that
is negative: the variance whose push on S cancels what the descent on L would add. To second order
the mean loss of descent is then L(w) + ½⟨∇²L, Σ⟩ = L(w) + tr(X)/η.
"""

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse.linalg import lobpcg
from torch import Tensor

from gradient_atlas.dynamics.descent import iterates
from gradient_atlas.dynamics.losses import Loss
from gradient_atlas.dynamics.sharpness import flow_states, hessian, sharpness, top_eigenpairs

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CentralPoint:
    """A point of the central flow.

    theta: (d,). loss: L(θ). variance: tr X of the step that led here, the mean square distance of
    descent from the flow. eigenvalues: the largest of ∇²L(θ), descending.
    critical: how many of them may have moved X.
    """

    theta: Tensor
    loss: float
    variance: float
    eigenvalues: Array
    critical: int


def complementary(A: Array, B: Array, tolerance: float = 1e-6) -> Array:
    """The X with 0 ⪯ X, A + B[X] ⪰ 0 and ⟨X, A + B[X]⟩ = 0.

    Args:
        A: (k, k), symmetric.
        B: (k, k, k, k), symmetric and positive semidefinite as a map of symmetric matrices.
        tolerance: what the three conditions may miss, relative to the size of A.

    It is where ½⟨X, B[X]⟩ + ⟨A, X⟩ is least over X ⪰ 0, a convex problem; solved by L-BFGS in a
    square factor, X = M Mᵀ, which has no other local minimum (Burer & Monteiro 2005).

    Raises:
        RuntimeError: no X within ``tolerance`` was found.
    """
    k, size = len(A), float(np.abs(A).max())
    if np.linalg.eigvalsh(A)[0] >= 0:
        return np.zeros((k, k))
    # In these units the solution is of order 1.
    strength = float(np.einsum("ijij", B)) / k
    if strength == 0:
        raise RuntimeError("complementarity problem: no oscillation changes these eigenvalues")
    unit = size / strength

    def objective(flat: Array) -> tuple[float, Array]:
        M = flat.reshape(k, k)
        X = M @ M.T
        push = np.einsum("ijkl,kl", B, X) / strength
        slack = A / size + push
        value = 0.5 * float((X * push).sum()) + float((X * A).sum()) / size
        return value, (2 * slack @ M).reshape(-1)

    options = {"maxiter": 5000, "ftol": 0.0, "gtol": 1e-9, "maxcor": 30}
    found = minimize(objective, np.eye(k).reshape(-1), jac=True, method="L-BFGS-B", options=options)
    M = found.x.reshape(k, k)
    X = unit * (M @ M.T)
    slack = (A + np.einsum("ijkl,kl", B, X)) / size
    missed = max(-float(np.linalg.eigvalsh(slack)[0]), abs(float((slack * (M @ M.T)).sum())))
    if not missed <= tolerance:
        raise RuntimeError(f"complementarity problem of size {k}: missed by {missed:.1e}")
    return X


def curvature_gradients(loss: Loss, theta: Tensor, U: Tensor) -> tuple[float, Tensor, Tensor]:
    """L(θ), ∇L(θ) (d,), and ∇_θ u_iᵀ ∇²L(θ) u_j for the columns of U (d, k): (k, k, d)."""
    theta, k = theta.detach().requires_grad_(True), U.shape[1]
    value = loss.function(theta)
    (slope,) = torch.autograd.grad(value, theta, create_graph=True)
    third = torch.zeros(k, k, len(theta), dtype=theta.dtype)
    for i in range(k):
        (product,) = torch.autograd.grad(slope @ U[:, i], theta, create_graph=True)
        if not product.requires_grad:  # the Hessian is constant: the loss is quadratic
            continue
        for j in range(i, k):
            (third[i, j],) = torch.autograd.grad(product @ U[:, j], theta, retain_graph=True)
            third[j, i] = third[i, j]
    return float(value.detach()), slope.detach(), third


_ATTEMPTS = 3  # of LOBPCG, each from where the last one stopped
_DENSE = 6000  # parameters up to which a whole Hessian is a matter of seconds


def followed_eigenpairs(
    loss: Loss, theta: Tensor, vectors: Array, tolerance: float = 1e-4
) -> tuple[Array, Array]:
    """The k largest eigenvalues of ∇²L(θ), descending, and eigenvectors, from ``vectors`` (d, k).

    LOBPCG (Knyazev 2001; scipy) starts from the eigenvectors of a point nearby and takes all k at
    once. Lanczos, which grows from one vector, cannot tell an eigenvalue that is there twice from
    one that is there once, and the central flow holds several at the very same 2/η.

    Raises:
        RuntimeError: ‖∇²L v - λ v‖ of an eigenvector is above ``tolerance`` times the largest λ.
    """
    operator, size = hessian(loss, theta), vectors.shape[1]
    if len(theta) < 5 * size:
        return _dense_eigenpairs(operator, len(theta), size)
    found, _ = np.linalg.qr(vectors)
    allowed = tolerance * float(np.abs((found * (operator @ found)).sum(axis=0)).max())
    for _ in range(_ATTEMPTS):
        with warnings.catch_warnings():  # what it warns of is checked below
            warnings.simplefilter("ignore", UserWarning)
            # Stricter than what is allowed: it stops on its own estimate of the residual.
            values, found = lobpcg(operator, found, largest=True, tol=allowed / 3, maxiter=200)
        missed = np.linalg.norm(operator @ found - found * values, axis=0).max()
        if missed <= allowed:
            order = np.argsort(values)[::-1]
            return values[order], found[:, order]
        found, _ = np.linalg.qr(found)
    # It stands still where the last eigenvalue of the block and the first beyond are the same.
    if len(theta) <= _DENSE:
        return _dense_eigenpairs(operator, len(theta), size)
    raise RuntimeError(f"eigenvectors missed by {missed:.1e}, allowed is {allowed:.1e}")


def _dense_eigenpairs(operator: Any, length: int, size: int) -> tuple[Array, Array]:
    """The same from the whole matrix, whose columns the operator gives one by one."""
    values, found = np.linalg.eigh(operator @ np.eye(length))
    return values[::-1][:size], found[:, ::-1][:, :size]


def central_flow(
    loss: Loss,
    learning_rate: float,
    steps: int,
    substeps: int = 4,
    tracked: int = 4,
    margin: float = 0.1,
) -> Iterator[CentralPoint]:
    """The central flow of descent with ``learning_rate`` from ``loss.start``, by Euler's method.

    A point a step of descent, each made of ``substeps``. An eigenvalue above (1 - margin) 2/η is
    critical: it takes part in the complementarity problem. ``tracked`` eigenvalues are computed,
    and twice as many as soon as all of them are critical.

    Raises:
        RuntimeError: a complementarity problem was not solved (see ``complementary``).
    """
    eta, dt, edge = learning_rate, 1.0 / substeps, 2.0 / learning_rate
    theta, variance, tracked = loss.start.clone(), 0.0, min(tracked, len(loss.start))
    _, vectors = top_eigenpairs(loss, theta, tracked)
    for substep in range(steps * substeps + 1):
        eigenvalues, vectors = followed_eigenpairs(loss, theta, vectors)
        while (k := int((eigenvalues > (1 - margin) * edge).sum())) == tracked < len(theta):
            tracked = min(2 * tracked, len(theta))  # one more may be critical: look further
            _, more = top_eigenpairs(loss, theta, tracked)
            eigenvalues, vectors = followed_eigenpairs(loss, theta, more)
        U = torch.from_numpy(vectors[:, :k].copy()).to(theta.dtype)
        value, slope, third = curvature_gradients(loss, theta, U)
        if substep % substeps == 0:
            yield CentralPoint(theta, value, variance, eigenvalues, k)
        velocity, variance = -eta * slope, 0.0
        if k:
            A = np.diag(edge - eigenvalues[:k]) + dt * eta * (third @ slope).numpy()
            flat = third.reshape(k * k, -1)
            B = 0.5 * dt * eta * (flat @ flat.T).numpy().reshape(k, k, k, k)
            X = complementary(A, B)
            variance = float(np.trace(X))
            velocity = velocity - 0.5 * eta * torch.einsum("ij,ijd->d", torch.from_numpy(X), third)
        theta = theta + dt * velocity


def compare(
    loss: Loss, learning_rate: float, steps: int, every: int, substeps: int = 4, tracked: int = 4
) -> Iterator[dict[str, object]]:
    """Descent, its central flow and the gradient flow from ``loss.start``, side by side.

    Yields rows of the table ``central_flow``: three a step, one a method. The gradient flow is that
    of ``flow_states``. ``distance`` is that of a flow from the averaged descent (θ_{k-1} + 2 θ_k +
    θ_{k+1}) / 4, in which an oscillation of period two cancels; ``moved`` is how far that has come.

    Raises:
        RuntimeError: see ``central_flow``.
    """
    central = central_flow(loss, learning_rate, steps, substeps, tracked)
    descent = iterates(loss, learning_rate)
    now = next(descent)
    before = now.theta
    times = learning_rate * np.arange(steps + 1)
    for step, (_, flowed, _) in enumerate(flow_states(loss, times, relative_tolerance=1e-6)):
        theta, after = now.theta, next(descent)
        averaged = (before + 2 * theta + after.theta) / 4 if step else theta
        point, measured = next(central), step % every == 0
        with torch.no_grad():
            flow_loss = float(loss.function(flowed))
        nothing = {"predicted_loss": math.nan, "variance": math.nan, "critical": 0}
        moved = {"moved": float((averaged - loss.start).norm())}
        yield {
            "method": "descent",
            "step": step,
            "train_loss": now.loss,
            "sharpness": sharpness(loss, theta) if measured else math.nan,
            "distance": math.nan,
            **nothing,
            **moved,
        }
        yield {
            "method": "central_flow",
            "step": step,
            "train_loss": point.loss,
            "sharpness": float(point.eigenvalues[0]),
            "distance": float((point.theta - averaged).norm()),
            "predicted_loss": point.loss + point.variance / learning_rate,
            "variance": point.variance,
            "critical": point.critical,
            **moved,
        }
        yield {
            "method": "gradient_flow",
            "step": step,
            "train_loss": flow_loss,
            "sharpness": sharpness(loss, flowed) if measured else math.nan,
            "distance": float((flowed - averaged).norm()),
            **nothing,
            **moved,
        }
        before, now = theta, after
