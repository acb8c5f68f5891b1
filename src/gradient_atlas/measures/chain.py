"""What a chain of equal factors leaves of a gradient."""

import numpy as np
from pandas import DataFrame


def first_gradient(chain: DataFrame, factor: float) -> float:
    """∂a_L/∂a_0 of the chain with this factor; nan where the table has none."""
    rows = chain[np.isclose(chain.factor, factor) & (chain.layer == 1)]
    return float(rows.gradient.iloc[0]) if len(rows) else float("nan")
