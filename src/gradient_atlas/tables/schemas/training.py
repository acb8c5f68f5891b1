"""The tables of the training stage."""

from gradient_atlas.tables.schemas.columns import (
    COUNT,
    EPOCH,
    NAME,
    NUMBER,
    SEED,
    STEP,
    column,
    table,
)

GRADIENTS = table(
    "results/training/<sweep>/gradients/<what varies>/",
    "a layer at a logged step of a run",
    [
        SEED,
        STEP,
        EPOCH,
        column("layer", COUNT, "weight layer; 1 is nearest the input"),
        column("weight_gradient_norm", NUMBER, "norm of dL/dW, L the probe batch's mean loss"),
        column(
            "float32_weight_gradient_norm",
            NUMBER,
            "the same computed in float32, which under- and overflows",
        ),
        column("error_signal_norm", NUMBER, "rms over probe examples of the norm of dl_i/dz_i"),
        column("activation_rms", NUMBER, "rms over probe examples and units of a"),
        column(
            "mean_activation_derivative",
            NUMBER,
            "mean of the activation's derivative; nan for the output layer",
        ),
        column(
            "saturated_fraction",
            NUMBER,
            "share of (example, unit) pairs whose derivative is below a tenth of the largest "
            "possible; nan for unbounded activations and the output layer",
        ),
        column(
            "dead_fraction",
            NUMBER,
            "share of units with derivative 0 for every one of the run's dead_examples (probe "
            "examples, if that is null); nan for the output layer",
        ),
        column(
            "inactive_fraction",
            NUMBER,
            "share of units whose activation has an input of at most 0 for every one of these "
            "examples; nan for the output layer",
        ),
        column("weight_norm", NUMBER, "Frobenius norm of W"),
        column(
            "weight_spectral_norm",
            NUMBER,
            "largest singular value of W before the first update; nan later",
        ),
        column(
            "update_ratio",
            NUMBER,
            "norm of the change of W by the next update over the norm of W; nan where none follows",
        ),
        column(
            "float32_changed_fraction",
            NUMBER,
            "share of the weights that the next update leaves at another float32; nan where none "
            "follows",
        ),
    ],
)
METRICS = table(
    "results/training/<sweep>/metrics/<what varies>/",
    "a logged step of a run",
    [
        SEED,
        STEP,
        EPOCH,
        column(
            "train_loss",
            NUMBER,
            "cross-entropy on the training rows that are evaluated (`evaluation_examples`)",
            "nat",
        ),
        column(
            "test_loss",
            NUMBER,
            "cross-entropy on the test rows that are evaluated (`evaluation_examples`)",
            "nat",
        ),
        column("train_accuracy", NUMBER, "share of these training rows named right"),
        column("test_accuracy", NUMBER, "share of these test rows named right"),
        column(
            "gradient_norm",
            NUMBER,
            "norm of the gradient of all parameters together on the minibatch of the next "
            "update, before clipping",
        ),
        column("clipped_gradient_norm", NUMBER, "the same after clipping"),
        column("status", NAME, "`ok`; `diverged` where loss or gradient is not finite"),
        column(
            "first_nonfinite_step",
            COUNT,
            "step whose loss or gradient is not finite; null but in a diverged run's last row",
            "steps",
        ),
    ],
)
RECURRENT = table(
    "results/training/recurrent/signals/<what varies>/",
    "a lag of a sequence, before and after training",
    [
        SEED,
        STEP,
        column("lag", COUNT, "time steps T - t before the end of the sequence", "time steps"),
        column("error_signal_norm", NUMBER, "rms over probe sequences of the norm of dl_i/dh_t"),
        column(
            "cell_signal_norm",
            NUMBER,
            "the same of dl_i/dc_t, all paths; nan for a cell without c",
        ),
    ],
)
RECURRENT_LOSSES = table(
    "results/training/recurrent/losses/<what varies>/",
    "a step of recurrent training",
    [
        SEED,
        STEP,
        column("train_loss", NUMBER, "mean squared error of this step's new batch"),
        column("gradient_norm", NUMBER, "norm of that batch's gradient before clipping"),
        column("status", NAME, "`ok`, or `diverged` where loss or gradient is not finite"),
    ],
)
