r"""What a finite width changes: the logarithm of a norm drifts away from the wide limit.

At width n a layer's mean over units fluctuates, and the logarithm of a fluctuating factor is on
average less than the logarithm of its mean: E[ln(1 + ε)] ≈ -E[ε²]/2. Given layer l+1,

    ‖δ^(l)‖² ∝ (1/n) Σ_k φ'(z_k)² g_k²,    g = W^T δ^(l+1) Gaussian, E[g_k^4] = 3 E[g_k²]²,

so that one layer contributes the relative variance r/n, r = 3 E[φ'^4] / E[φ'²]² - 1, and ln ‖δ‖²
of one example falls by r/(2n) per layer against the wide limit. ReLU has r = 5, and -5/(2n) is what
Hanin & Nica (2020), "Products of many large random matrices and gradients in deep neural
networks", find exactly (Theorem 1: the logarithm of the squared norm is N(-β/2, β), β = 5 Σ 1/n). A
saturating activation that leaves few units a slope has a large r: 41 for tanh with N(0, 1) weights
at n = 128.

Left out: terms of order 1/n², the fluctuation of q, and the dependence of δ on the forward pass.
In the mean over a batch, examples that fluctuate independently average out, so this is the largest
drift.

ReLU with He's weights, exactly. The squared norm of what one input's activation, or one error
signal, becomes is a product of independent factors (2/n) χ²_K, K ~ Bin(n, 1/2) the number of units
that are on (Hanin & Nica 2020: the slopes are independent fair coins). Given K > 0,
ln χ²_K has the mean ψ(K/2) + ln 2 and the variance ψ'(K/2), so that mean and variance of one
factor's logarithm are sums over K; for large n they are -5/(2n) and 5/n.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import gammaln, polygamma, psi

from gradient_atlas.theory.gaussian import derivative_second_moment, expectation
from gradient_atlas.theory.nonlinearity import Nonlinearity


def relative_variance(activation: Nonlinearity, q: float) -> float:
    """r = 3 E[φ'^4] / E[φ'²]² - 1 at pre-activation variance q."""
    if activation.slopes is not None:
        below, above = (slope**2 for slope in activation.slopes)
        return 6 * (below**2 + above**2) / (below + above) ** 2 - 1
    fourth = float(expectation(lambda u: activation.derivative(u) ** 4, q))
    return 3 * fourth / float(derivative_second_moment(activation, q)) ** 2 - 1


def drift_per_layer(activation: Nonlinearity, q: float, width: int) -> float:
    """-r / (4 n ln 10): decades a layer by which the mean of log10 ‖δ‖ leaves the wide limit."""
    return -relative_variance(activation, q) / (4 * width * math.log(10))


def relu_factor(width: int) -> tuple[float, float]:
    """Mean and variance of ln((2/n) χ²_K), K ~ Bin(n, 1/2) given K > 0."""
    K = np.arange(1, width + 1)
    log_weights = gammaln(width + 1) - gammaln(K + 1) - gammaln(width - K + 1)
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    means = psi(K / 2) + math.log(4 / width)
    mean = float(weights @ means)
    return mean, float(weights @ (polygamma(1, K / 2) + (means - mean) ** 2))


def predict_log_norms(widths: Sequence[int], depths: Sequence[int]) -> pd.DataFrame:
    """Mean and variance of the logarithm of squared norms after L layers, by width and depth.

    Beside them ``beta`` = 5 L/n, of which the limit makes the mean -β/2 and the variance β.
    """
    rows = []
    for width in widths:
        mean, variance = relu_factor(width)
        rows += [
            {
                "width": width,
                "depth": depth,
                "mean": depth * mean,
                "variance": depth * variance,
                "beta": 5 * depth / width,
            }
            for depth in depths
        ]
    return pd.DataFrame(rows)
