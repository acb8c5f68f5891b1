"""How a network of some activation and initialisation is called and drawn in every figure."""

from typing import Any

from gradient_atlas.drawing.style import look_of
from gradient_atlas.runs.names import network_name

# The activation says colour and marker; how its weights are drawn at first says the line.
LINES: dict[str, Any] = {
    "xavier": "-",
    "he": "-",
    "standard": (0, (1, 1)),
    "orthogonal": (0, (5, 1.5)),
    "normal": (0, (4, 1.5)),
}


def network_look(run: Any) -> dict[str, Any]:
    """Colour, line and marker of a run, and its name as label."""
    look = look_of(run.activation) | {
        "linestyle": LINES.get(run.initialization, (0, (3, 1, 1, 1))),
        "label": network_name(run),
    }
    if run.initialization == "standard":
        look |= {"markerfacecolor": "white"}
    if run.initialization == "orthogonal":
        look |= {"marker": "*", "markersize": 5}
    return look
