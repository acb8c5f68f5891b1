"""The continuous limits of heavy ball and Adam as the learning rate goes to 0.

Each limit is an ordinary differential equation for a state that begins with θ, a time that one step
takes, and the optimiser whose steps it is the limit of:

    rescaled_flow  θ' = -∇L, a step takes h = η / (1 - β); heavy ball at a fixed β (Kovachki &
                   Stuart 2021, theorem 3)
    inertial_flow  θ'' + γ θ' + ∇L = 0, a step takes √η; heavy ball with β = 1 - γ √η (Polyak 1964)
    sign_flow      θ' = -∇L / (|∇L| + ε), a step takes η; Adam at fixed β₁, β₂, ε (Ma, Wu & E 2022;
                   Cattaneo, Klusowski & Shigida 2024)
    adaptive_flow  τ₁ m' = ∇L - m, τ₂ ν' = ∇L² - ν, θ' = -m̂ / (√ν̂ + ε) with m̂ = m / (1 - e^(-t/τ₁))
                   and ν̂ alike, a step takes η; Adam with β = 1 - η/τ (da Silva & Gazeau 2020)

Heavy ball at a fixed β follows, one order better, the flow of L + (h/4) (1 + β)/(1 - β) ‖∇L‖²
(Ghosh et al. 2023) from θ₀ + h β/(1 - β) ∇L(θ₀): it starts at rest, and what its first steps are
short of the others' never comes back.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from gradient_atlas.dynamics.flow import Tolerance
from gradient_atlas.dynamics.losses import Loss, gradient, gradient_and_product
from gradient_atlas.dynamics.optimizers import Adam, HeavyBall, Optimizer
from gradient_atlas.errors import InputError

Vector = NDArray[np.float64]
NAMES = ("rescaled_flow", "inertial_flow", "sign_flow", "adaptive_flow")


@dataclass(frozen=True)
class Limit:
    """A limit of an optimiser on one loss.

    ``velocity(t, state)`` is the state's derivative and ``start`` the state at t = 0; θ is its
    first d numbers. ``rate_of(h)`` is the learning rate at which a step takes the time h, and
    ``optimizer(η)`` the optimiser at that rate.
    """

    velocity: Callable[[float, Vector], Vector]
    start: Vector
    rate_of: Callable[[float], float]
    optimizer: Callable[[float], Optimizer]


def limit_of(name: str, loss: Loss, settings: Mapping[str, Any]) -> Limit:
    """The limit called ``name``, one of ``NAMES``, with its parameters (see the module).

    ``settings`` have ``momentum`` β, ``friction`` γ, ``momentum``, ``second_momentum`` and
    ``epsilon``, or ``memory`` τ₁, ``second_memory`` τ₂ and ``epsilon``. Raises ``InputError`` for
    an unknown name.
    """
    theta = loss.start.numpy()

    def slope(point: Vector) -> Vector:
        return gradient(loss, torch.from_numpy(np.ascontiguousarray(point))).numpy()

    d = len(theta)
    if name == "rescaled_flow":
        beta = settings["momentum"]
        return Limit(
            lambda _, state: -slope(state),
            theta,
            lambda h: (1 - beta) * h,
            lambda rate: HeavyBall(rate, beta),
        )
    if name == "inertial_flow":
        gamma = settings["friction"]
        return Limit(
            lambda _, state: np.append(state[d:], -gamma * state[d:] - slope(state[:d])),
            np.append(theta, np.zeros(d)),
            lambda h: h**2,
            lambda rate: HeavyBall(rate, max(0.0, 1 - gamma * math.sqrt(rate))),
        )
    epsilon = settings.get("epsilon", 0.0)
    if name == "sign_flow":
        betas = settings["momentum"], settings["second_momentum"]

        def signed(_: float, state: Vector) -> Vector:
            g = slope(state)
            return -g / (np.abs(g) + epsilon)

        return Limit(signed, theta, lambda h: h, lambda rate: Adam(rate, *betas, epsilon))
    if name == "adaptive_flow":
        taus = settings["memory"], settings["second_memory"]

        def adaptive(time: float, state: Vector) -> Vector:
            g, first, second = slope(state[:d]), state[d : 2 * d], state[2 * d :]
            # At t = 0 both means are of the first gradient alone.
            at_start = time <= 0
            mean = g if at_start else first / -math.expm1(-time / taus[0])
            square = g * g if at_start else second / -math.expm1(-time / taus[1])
            step = -mean / (np.sqrt(np.maximum(square, 0.0)) + epsilon)
            return np.concatenate([step, (g - first) / taus[0], (g * g - second) / taus[1]])

        return Limit(
            adaptive,
            np.concatenate([theta, np.zeros(2 * d)]),
            lambda h: h,
            lambda rate: Adam(
                rate, max(0.0, 1 - rate / taus[0]), max(0.0, 1 - rate / taus[1]), epsilon
            ),
        )
    raise InputError(f"limit: {name!r} is none of {', '.join(NAMES)}")


def modified_flow(loss: Loss, beta: float, h: float) -> tuple[Callable[..., Vector], Vector]:
    """Velocity and start of the flow that heavy ball follows to second order (see the module)."""
    weight = 0.5 * h * (1 + beta) / (1 - beta)

    def velocity(_: float, point: Vector) -> Vector:
        slope, product = gradient_and_product(loss, torch.from_numpy(point))
        return np.asarray((-slope - weight * product).numpy())

    start = loss.start + h * beta / (1 - beta) * gradient(loss, loss.start)
    return velocity, np.asarray(start.numpy())


def solve(
    velocity: Callable[[float, Vector], Vector],
    start: Vector,
    times: Vector,
    dimension: int,
    tolerance: Tolerance,
) -> Vector:
    """θ (n, ``dimension``) at ``times`` (n,), rising from 0, by DOP853 (explicit, order 8).

    Raises:
        RuntimeError: the solver gave up; its message says why.
    """
    solution = solve_ivp(
        velocity,
        (0.0, float(times[-1])),
        start,
        method="DOP853",
        t_eval=times,
        rtol=tolerance.relative,
        atol=tolerance.absolute,
    )
    if not solution.success:
        raise RuntimeError(f"limit: {solution.message}")
    return np.ascontiguousarray(solution.y[:dimension].T)
