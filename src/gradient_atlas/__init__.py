"""Figures about vanishing, exploding and stable gradients; ``watch`` for anybody's network."""

# As type checkers know it; `python -m gradient_atlas` imports this file while a `typing.py` of the
# working folder would be found first.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FROM = {
    "watch": "gradient_atlas.watching.watch",
    "lightning_callback": "gradient_atlas.watching.watch",
}


def __getattr__(name: str) -> "Any":
    """Import what is asked for when it is: the library's parts do not all need torch."""
    if name in _FROM:
        import importlib

        return getattr(importlib.import_module(_FROM[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
