"""Does a monitor of gradient norms detect vanishing and exploding behaviour?"""

from pandas import DataFrame

from gradient_atlas.claims.claim import Claim
from gradient_atlas.measures.layers import STABLE_DECADES
from gradient_atlas.measures.monitor import outcomes, right
from gradient_atlas.measures.plateaus import GUESSES


def claims(tables: dict[str, DataFrame]) -> list[Claim]:
    """The alarm of either norm against the end of training, over the networks of the loss curves.

    That a norm which vanishes is seen to vanish could not fail; that the alarm tells which network
    will not learn can.
    """
    found = outcomes(tables["other_gradients"], tables["other_metrics"])
    networks = ", ".join(dict.fromkeys(found["network"])) or "none in the config"
    missed = {
        name: ", ".join(dict.fromkeys(found[found[name] != found["failed"]]["network"])) or "none"
        for name in ("weight", "error")
    }
    return [
        Claim(
            claim=f"monitoring-detects/{word}",
            source="V section 8",
            statement="track gradient magnitudes during training to detect vanishing or exploding "
            "behavior",
            condition="here: an alarm before the first update predicts failure, for one that is "
            "raised while a norm vanishes could not be wrong; "
            f"{networks}, each at the best of its rates; alarm: before the first update "
            f"more than {STABLE_DECADES:g} decades between input and output ('1-2 orders' is what "
            f"F figure 1 calls stable); failure: in the end at least {GUESSES:.0%} of the loss of "
            "guessing; bound chosen: to detect is to be right about more than nine in ten",
            quantity=f"share of networks of which an alarm by the {word.replace('-', ' ')} says "
            "rightly whether they learn",
            values=right(found, name).tolist(),
            lower=0.9,
            remark=f"Wrong about: {missed[name]}. The weight gradient is the error signal times "
            "the activations: where both shrink, one in each direction, it is as large in every "
            "layer, at any level. A network whose signals are kept may fail for other reasons.",
        )
        for name, word in (("weight", "weight-gradient"), ("error", "error-signal"))
    ]
