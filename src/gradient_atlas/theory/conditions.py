"""Which parameters of a run the theory of its norms asks for."""

# What the norms at initialisation depend on; a seed, a rate or an optimiser is not among it.
CONDITIONS = (
    "dataset",
    "activation",
    "initialization",
    "weight_std",
    "bias_std",
    "normalization",
    "normalization_position",
    "residual",
    "residual_scale",
    "depth",
    "width",
    "probe_examples",
    "input_scale",
)
# What a signal before training depends on; rates, steps and seeds are not among it.
RECURRENT_CONDITIONS = (
    "cell",
    "sequence_length",
    "hidden_size",
    "recurrent_initialization",
    "recurrent_scale",
    "gate_bias",
)
# What the norms of a named network at initialisation depend on.
NETWORK_CONDITIONS = ("dataset", "architecture", "architecture_options", "probe_examples")
