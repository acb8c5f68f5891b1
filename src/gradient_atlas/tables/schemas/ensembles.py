"""The tables of the ensembles stage: many random networks before training."""

from gradient_atlas.tables.schemas.columns import COUNT, NUMBER, SEED, column, table

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
