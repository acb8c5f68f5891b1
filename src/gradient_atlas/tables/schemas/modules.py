"""The table of a network that is watched module by module."""

from gradient_atlas.tables.schemas.columns import COUNT, NAME, NUMBER, SEED, STEP, column, table
from gradient_atlas.tables.schemas.training import GRADIENTS

_SHARED = (
    "weight_gradient_norm", "float32_weight_gradient_norm", "error_signal_norm", "activation_rms",
    "mean_activation_derivative", "saturated_fraction", "dead_fraction", "inactive_fraction",
    "weight_norm", "update_ratio",
)  # fmt: skip

MODULES = table(
    "results/training/<sweep>/modules/<what varies>/",
    "a watched module at a logged step; shares and derivatives are nan where no activation follows",
    [
        SEED,
        STEP,
        column("layer", COUNT, "place of the module in the forward pass, from 1"),
        column("module", NAME, "its name in the network"),
        column("kind", NAME, "its class"),
        *(GRADIENTS.field(name) for name in _SHARED),
        column("weight_gradient_entry", NUMBER, "rms entry of dL/dW, what a number format holds"),
        column("loss", NUMBER, "the loss of the watched batch", "nat"),
    ],
)
