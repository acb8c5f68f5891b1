"""The tables of the ensembles stage: many random networks before training."""

from gradient_atlas.tables.schemas.columns import COUNT, NAME, NUMBER, SEED, column, table

JACOBIAN = table(
    "results/ensembles/jacobian/variant=<name>/",
    "a singular value of a network's input-output Jacobian",
    [
        SEED,
        column("depth", COUNT, "layers between input and output", "layers"),
        column("rank", COUNT, "1 is the largest"),
        column("singular_value", NUMBER, "of the Jacobian of the activations by the input"),
    ],
)
LOG_NORMS = table(
    "results/ensembles/finite_width/width=<units>/",
    "a depth in a random ReLU network",
    [
        SEED,
        column("network", COUNT, "running number among those of the seed"),
        column("depth", COUNT, "layers above the input, or below the output", "layers"),
        column(
            "log_activation",
            NUMBER,
            "ln of the activation's squared norm over the input's; -inf where no unit is on",
        ),
        column("log_gradient", NUMBER, "ln of the error signal's squared norm over the output's"),
    ],
)
TRAINABILITY = table(
    "results/ensembles/phase_diagram/",
    "a trained tanh network",
    [
        column("depth", COUNT, "weight layers, the output layer included", "layers"),
        SEED,
        column("sigma_w2", NUMBER, "n_in times the variance of a weight"),
        column("learning_rate", NUMBER, "η"),
        column("accuracy", NUMBER, "on its own examples after training; guessing if it diverged"),
        column(
            "log10_signal_ratio",
            NUMBER,
            "error signal at the first layer over that at the last "
            "hidden one before training; nan with one hidden layer",
            "decades",
        ),
    ],
)
_FORMAT = column("format", NAME, "`float16`, `bfloat16` or `float32`")
_LOSS_SCALE = column("loss_scale", COUNT, "k: the gradient is multiplied by 2^k and then cast")
LOST_SHARES = table(
    "results/ensembles/half_precision/variant=<name>/",
    "a layer's weight gradient in a floating-point format",
    [
        SEED,
        column("layer", COUNT, "weight layer; 1 is nearest the input"),
        _FORMAT,
        _LOSS_SCALE,
        column("lost_share", NUMBER, "of the entries that are not 0, those that the cast makes 0"),
        column("overflow_share", NUMBER, "those that the cast makes infinite"),
        column(
            "gap_share",
            NUMBER,
            "of those between 2^-25 and 2^-24 the share that became 0; empty where there is none",
        ),
    ],
)
