"""Where descent on a quadratic diverges with momentum, which the source's threshold leaves out."""

from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.claims.quadratic_trajectories import FOUR_DIGITS
from gradient_atlas.measures.quadratic import bracketed, contraction_errors


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """Thresholds of heavy ball over their closed form, one value a momentum."""
    heavy = bracketed(tables["bracket"], tables["thresholds"]).query("momentum > 0")
    scan = tables["scan"]
    momenta = ", ".join(f"{momentum:g}" for momentum in heavy["momentum"])
    known = contraction_errors(scan, tables["rates"])["error"].max()
    plain = bracketed(tables["bracket"], tables["thresholds"]).query("momentum == 0")
    moved = ", ".join(
        f"{row.measured:.4g} at β = {row.momentum:g}"
        for row in heavy.dropna(subset="measured").sort_values("momentum").itertuples()
    )
    beside = (
        f"Plain descent diverges above 2/λ_max = {plain['threshold'].iloc[0]:.4g}. "
        if len(plain)
        else ""
    )
    eigenvalues = (
        f"eigenvalues {scan['smallest_curvature'].iloc[0]:g} to "
        f"{scan['largest_curvature'].iloc[0]:g}, "
        if len(scan)
        else ""
    )
    return [
        Claim(
            claim="heavy-ball-threshold",
            source="Polyak 1964",
            statement="with momentum β descent on a quadratic diverges above 2(1 + β)/λ_max",
            condition=eigenvalues
            + (f"β = {momenta}" if momenta else "no momentum was run")
            + "; bounds: four digits",
            quantity="learning rate above which the distance grows, by bisection, over the formula",
            values=(heavy["measured"] / heavy["threshold"]).tolist(),
            lower=1 - FOUR_DIGITS,
            upper=1 + FOUR_DIGITS,
            remark=(
                f"{beside}Heavy ball diverges above {moved}. "
                "Measured and predicted contraction per step differ by at most "
                f"{known:.1e} of it over all scanned rates."
            )
            if moved
            else "",
            kind="exact",
        )
    ]
