"""Whether the best learning rate and the change of units depend on the width."""

from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.measures.width import best_rates, exponents, shifts
from gradient_atlas.runs.names import name_of

SOURCE = "Yang et al. 2022"
HALVING = 1.0  # log2 of the ratio that counts as another rate
# An exponent nearer to 0 than to a half, the next that a sum of independent units could have.
CONSTANT = 0.25


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """A claim about the rate and one about coordinates for each parametrisation."""
    width, coordinates = tables["width"], tables["coordinates"]
    return [
        _rate(width, "standard"),
        _rate(width, "maximal_update"),
        _outputs(coordinates),
        _coordinates(coordinates),
    ]


def _setting(table: DataFrame, parametrization: str) -> str:
    own = table[table["parametrization"] == parametrization]
    if own.empty:
        return f"{name_of(parametrization)} parametrisation: not in the config"
    first = own.iloc[0]
    return (
        f"{name_of(parametrization)} parametrisation, tanh, {first['hidden_layers']} hidden "
        f"layers, full batch of {first['examples']} examples of {name_of(first['dataset'])}, "
        f"squared loss, width {own['width'].min()} to {own['width'].max()}"
    )


def _rate(table: DataFrame, name: str) -> Claim:
    own = table[table["parametrization"] == name]
    transfers = name == "maximal_update"
    said = "; ".join(
        f"{width}: {part['rate'].mean():.3g}"
        for width, part in best_rates(own).groupby("width")
        if part["rate"].notna().any()
    )
    return Claim(
        claim=f"width-and-rate/{'transfers' if transfers else 'standard-shifts'}",
        source=SOURCE,
        statement="in the maximal update parametrisation optimal hyperparameters remain stable as "
        "the size of the model changes"
        if transfers
        else "conventionally, different widths do not share the same optimal learning rate",
        condition=f"{_setting(table, name)}"
        + (f", {own['steps'].iloc[0]} steps" if len(own) else "")
        + "; bound: another rate is half or twice as large",
        quantity="log2 of the widest network's best rate of the scan over the narrowest's",
        values=shifts(table, name),
        lower=-HALVING if transfers else -float("inf"),
        upper=HALVING if transfers else -HALVING,
        remark=f"Best rate by width, mean over seeds: {said}." if said else "",
    )


def _outputs(coordinates: DataFrame) -> Claim:
    found = exponents(coordinates, "standard")
    return Claim(
        claim="width-and-rate/standard-outputs-grow",
        source=SOURCE,
        statement="in the standard parametrisation the change of the outputs in a few steps blows "
        "up with the width",
        condition=f"{_setting(coordinates, 'standard')}; bound: an exponent nearer to a half than "
        "to 0",
        quantity="exponent in the width of the root mean square change of the outputs",
        values=found[max(found.columns)].tolist() if len(found) else [],
        lower=CONSTANT,
        remark=_by_layer(found),
    )


def _coordinates(coordinates: DataFrame) -> Claim:
    found = exponents(coordinates, "maximal_update")
    return Claim(
        claim="width-and-rate/coordinates",
        source=SOURCE,
        statement="in the maximal update parametrisation the change of every layer's activations "
        "in a few steps does not depend on the width",
        condition=f"{_setting(coordinates, 'maximal_update')}; bound: an exponent nearer to 0 than "
        "to a half",
        quantity="largest size of an exponent in the width over the layers",
        values=found.abs().max(axis=1, skipna=False).tolist() if len(found) else [],
        upper=CONSTANT,
        remark=_by_layer(found),
    )


def _by_layer(found: DataFrame) -> str:
    said = "; ".join(f"{layer}: {values.mean():.2f}" for layer, values in found.items())
    return f"By layer, mean over seeds: {said}." if said and not found.isna().any(axis=None) else ""
