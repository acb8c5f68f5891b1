"""The tables of the claims stage."""

from gradient_atlas.tables.schemas.columns import COUNT, NAME, NUMBER, column, table

CLAIMS = table(
    "results/claims.parquet",
    "a claim",
    [
        column("claim", NAME, "identifier of the sentence; `id/part` where it needs several"),
        column("figure", NAME, "the figure beside whose code the claim is declared"),
        column("source", NAME, "where the sentence is printed"),
        column("statement", NAME, "the sentence"),
        column("condition", NAME, "what it is meant under, and which bound was chosen and why"),
        column("kind", NAME, "`mean`, `every`, `some`, `exact` or `identity`: what is decided how"),
        column("quantity", NAME, "what decides it"),
        column("measured", NUMBER, "mean of the quantity over the seeds", "see unit"),
        column("spread", NUMBER, "standard deviation over the seeds", "see unit"),
        column("samples", COUNT, "number of values behind the mean"),
        column("interval_low", NUMBER, "lower end of what is held against the bounds", "see unit"),
        column("interval_high", NUMBER, "its upper end", "see unit"),
        column("lower", NUMBER, "least value that the sentence allows", "see unit"),
        column("upper", NUMBER, "greatest value that the sentence allows", "see unit"),
        column("unit", NAME, "unit of quantity and bounds"),
        column(
            "verdict", NAME, "`supported`, `refuted`, `undecided`, `not measured` or `identity`"
        ),
        column(
            "margin",
            NUMBER,
            "from the interval to the bound that would change the verdict; "
            "negative where it is open",
            "see unit",
        ),
        column("seeds_to_decide", NUMBER, "seeds that would decide an undecided claim; else empty"),
        column("remark", NAME, "what holds instead, and why"),
    ],
)
ROBUSTNESS = table(
    "results/robustness.parquet",
    "a claim under a perturbation (`make robustness`)",
    [
        column("claim", NAME, "identifier as in claims.parquet"),
        column(
            "perturbation",
            NAME,
            "`none`, an arithmetic's name, `seeds_1`, `seeds_2`, or `inputs` (changed by 1e-7)",
        ),
        column("measured", NUMBER, "mean of the quantity over the seeds", "see claim"),
        column("interval_low", NUMBER, "lower end of what is held against the bounds", "see claim"),
        column("interval_high", NUMBER, "its upper end", "see claim"),
        column("verdict", NAME, "the verdict under the perturbation"),
    ],
)
