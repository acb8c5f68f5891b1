"""The curvature above which an optimiser diverges on a quadratic.

On ½ λ θ² each optimiser is a linear recurrence in θ whose characteristic polynomial is

    heavy ball  z² - (1 + β - ηλ) z + β
    Nesterov    z² - (1 + β)(1 - ηλ) z + β (1 - ηλ)
    Adam        z² - (1 + β - (1 - β) ηλ) z + β,   λ the curvature over P, which is held fixed

Its roots leave the unit circle through z = -1, and the threshold is where the polynomial is 0
there. Sources: Cohen et al. (2021), section 5 and appendix B; Cohen et al. (2022), section 2.
"""


def threshold(optimizer: str, learning_rate: float, momentum: float) -> float:
    """λ at which ``heavy_ball``, ``nesterov`` or ``adam`` begins to diverge; KeyError for another.

    2 (1 + β) / η, 2 (1 + β) / ((1 + 2β) η) and 2 (1 + β) / ((1 - β) η). Of ``adam`` it is the
    eigenvalue of P⁻¹ ∇²L, momentum β = β₁.
    """
    divisor = {"heavy_ball": 1.0, "nesterov": 1 + 2 * momentum, "adam": 1 - momentum}[optimizer]
    return 2 * (1 + momentum) / (divisor * learning_rate)
