"""The tables of the theory stage."""

import pyarrow as pa

from gradient_atlas.tables.schemas.columns import COUNT, NAME, NUMBER, column, table

ACTIVATIONS = table(
    "results/theory/activations/",
    "an argument of an activation",
    [
        column("z", NUMBER, "argument"),
        column("activation", NAME, "name of the activation function"),
        column("value", NUMBER, "φ(z)"),
        column("derivative", NUMBER, "φ'(z) by automatic differentiation"),
    ],
)
LINEAR_CHAIN = table(
    "results/theory/linear_chain/",
    "a layer of a chain",
    [
        column("factor", NUMBER, "the factor s of every layer"),
        column("layer", COUNT, "layer l; 1 is nearest the input"),
        column("gradient", NUMBER, "da_L/da_(l-1) by automatic differentiation"),
    ],
)
PREDICTED_NORMS = table(
    "results/theory/<sweep>/",
    "a layer of a predicted network",
    [
        column("dataset", NAME, "data set whose first training rows are the probe batch"),
        column("activation", NAME, "activation function"),
        column("initialization", NAME, "initialisation of the weights"),
        column("weight_std", NUMBER, "standard deviation of `normal` weights; else empty"),
        column("normalization", NAME, "none, batch_norm or layer_norm"),
        column("normalization_position", NAME, "before_activation or after_activation"),
        column("residual", pa.bool_(), "whether hidden layers add their input"),
        column("residual_scale", NUMBER, "factor of the branch that is added to the input"),
        column("depth", COUNT, "weight layers, the output layer included", "layers"),
        column("width", COUNT, "units of a hidden layer", "units"),
        column("probe_examples", COUNT, "examples of the probe batch", "examples"),
        column("layer", COUNT, "weight layer; 1 is nearest the input"),
        column("predicted_log10_error_signal_norm", NUMBER, "in the wide limit", "decades"),
        column("predicted_log10_weight_gradient_norm", NUMBER, "in the wide limit", "decades"),
        column("predicted_log10_activation_rms", NUMBER, "in the wide limit", "decades"),
        column(
            "asymptotic_slope",
            NUMBER,
            "what the error signal gains per layer towards the input at the fixed point of q; "
            "empty with normalisation or residual layers",
            "decades/layer",
        ),
        column(
            "finite_width_drift",
            NUMBER,
            "largest drift of one example's log10 error signal norm from the wide limit; empty "
            "with normalisation or residual layers",
            "decades/layer",
        ),
    ],
)
RECURRENT_SIGNALS = table(
    "results/theory/recurrent/",
    "a lag of a predicted recurrent network",
    [
        column("cell", NAME, "rnn, lstm or gru"),
        column("sequence_length", COUNT, "time steps T of a sequence", "time steps"),
        column("hidden_size", COUNT, "hidden units", "units"),
        column("recurrent_initialization", NAME, "standard, normal or orthogonal"),
        column("recurrent_scale", NUMBER, "factor g of the recurrent weights"),
        column("gate_bias", NAME, "bias of the gate that keeps the state; empty for rnn"),
        column("lag", COUNT, "time steps T - t before the end of the sequence", "time steps"),
        column(
            "predicted_signal",
            NUMBER,
            "norm of dl/dh_t over that at lag 0 before training, in the wide limit",
        ),
        column("factor", NUMBER, "the same over that at the lag before; nan at lag 0"),
        column("loss_without_memory", NUMBER, "least mean squared error without memory"),
    ],
)
