"""Whether a text names a value of the config: 0.019 also as 1.9 %, 50 as "fifty layers".

A value with two significant digits or more, or far from 1, is recognised wherever it stands. A
common one (1, 2, 10, 0.1) stands for many things; it is recognised where the words around it say
that the parameter is meant, as in "10 layers" or "η = 0.1".
"""

import math
import re
from collections.abc import Iterator

NUMBER_WORDS = {
    2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine",
    10: "ten", 11: "eleven", 12: "twelve", 15: "fifteen", 20: "twenty", 50: "fifty",
    100: "a hundred",
}  # fmt: skip
_NUMBER = re.compile(
    r"(?<![\w.])[-−]?(?P<mantissa>\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)"
    r"(?:\s*(?:\\times|\\cdot|×)\s*10\^\{?(?P<power>[-−+]?\d+)\}?)?"
    r"(?P<percent>\s*\\?%)?"
)
_POWER_OF_TEN = re.compile(r"(?<!\d)(?<!times )(?<!times)(?<!× )10\^(?:\{([-−+]?\d+)\}|([-−+]?\d))")
_COUNTED = re.compile(r"(?:\d|two|three|four|five|significant|last|first) $")
_DIGITS = re.compile(
    r"(?:zero|one|two|three|four|five|six|seven|eight|nine)"
    r"(?:zero|one|two|three|four|five|six|seven|eight|nine)$",
    re.IGNORECASE,
)
_RATE = r"(?:η|\\eta|rates?)\W{0,4}(?:=|of|at|:)?\s*\$?"
# Words around a common value, with N for the value, by the key that it is of.
CONTEXTS = {
    "depth": [r"N[- ](?:weight |hidden )?layer", r"depth (?:of )?\$?(?:L = )?N\b", r"L\s*=\s*N\b"],
    "width": [r"width (?:of )?\$?(?:n = )?N\b", r"N (?:hidden )?units", r"\bn\s*=\s*N\b"],
    "epochs": [r"N epochs?\b", r"epoch N\b"],
    "steps": [r"N (?:steps|updates|iterations)"],
    "examples": [r"N (?:training )?(?:examples|rows|images)"],
    "seeds": [r"N seeds"],
    "classes": [r"N classes", r"\\?ln\s*\(?N\b", r"1/N\b"],
    "learning_rate": [_RATE + r"N\b"],
    "weight_std": [r"N\(0,\s*N(?:\^2|\^\{2\})?\)", r"deviation\W{0,3}(?:of )?\$?N\b"],
    "clip_norm": [r"clip\w*\W{0,3}(?:at|to|of|=)?\W{0,3}N\b", r"threshold (?:of )?\$?N\b"],
    "weight_decay": [r"(?:λ|\\lambda|decay)\W{0,4}=?\s*\$?N\b"],
    "momentum": [r"(?:β|\\beta|momentum)\W{0,4}=?\s*\$?N\b"],
    "gate_bias": [r"(?:bias|\bb)\W{0,4}(?:of |=)?\s*\$?N\b"],
    "recurrent_scale": [r"\bg\s*=\s*N\b"],
    "hidden_size": [r"N (?:hidden )?units", r"\bn\s*=\s*N\b"],
    "horizon": [r"(?:time|\bt)\W{0,3}=?\s*\$?N\b"],
    "level": [r"loss (?:of |= )?\$?N\b"],
}
SAME = {
    "learning_rates": "learning_rate", "momenta": "momentum", "hidden_widths": "width",
    "training_examples": "examples", "largest_rate": "learning_rate",
}  # fmt: skip


def is_common(value: float) -> bool:
    """Whether a number stands for so many things that alone it says nothing."""
    value = float(f"{value:.12g}")  # a config may nudge a number by its rounding
    if value == 0:
        return True
    one_digit = float(f"{value:.0e}") == value
    return (0.01 <= abs(value) < 50 and (one_digit or float(value).is_integer())) or value in (
        100, 1000, 0.5, 0.25, 0.125,
    )  # fmt: skip


def numbers_in(text: str) -> Iterator[tuple[float, str]]:
    """Every number that a text names, and the words around it."""
    text = text.replace("{,}", "").replace(r"\,", "").replace(r"{\pm}", r"\pm")
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    for match in _NUMBER.finditer(text):
        value = float(match["mantissa"]) * 10 ** int((match["power"] or "0").replace("−", "-"))
        # 67 % is 0.67; no parameter is given in per cent.
        if not match["percent"]:
            yield value, _around(text, match)
        # One digit of a per cent is more often a measured spread than a parameter.
        if match["percent"] and len(match["mantissa"]) > 1 and match["mantissa"][:2] != "0.":
            yield value / 100, _around(text, match)
    for match in _POWER_OF_TEN.finditer(text):
        yield 10.0 ** int((match[1] or match[2]).replace("−", "-")), _around(text, match)


def _around(text: str, match: re.Match[str]) -> str:
    return text[max(0, match.start() - 40) : match.end() + 30].replace("\n", " ")


def namings(text: str, key: str, value: float) -> list[str]:
    """The pieces of a text that name this value of this key."""
    if not is_common(value):
        return [
            around
            for number, around in numbers_in(text)
            if math.isclose(number, value, rel_tol=1e-9)
        ]
    spoken = [re.escape(f"{value:g}")]
    if float(value).is_integer():
        spoken.append(re.escape(f"{value:.1f}"))
    if value in NUMBER_WORDS:
        spoken.append(NUMBER_WORDS[value])
    found = []
    for pattern in CONTEXTS.get(SAME.get(key, key), []):
        # The pattern's lone N is the value; N(0, ...) is a distribution.
        told = re.sub(r"(?<![A-Za-z])N(?!\\\()", f"(?:{'|'.join(spoken)})", pattern)
        for match in re.finditer(told, text, re.IGNORECASE):
            # The Five of a macro's SixEightFive is a digit of 6.85.
            if _DIGITS.search(match[0]):
                continue
            # 1 of 1.06 or of 1/x, or 0 of 10, is no naming.
            if not re.match(r"\.?\d|/", text[match.end() :]) and text[match.start() - 1] != ".":
                found.append(_around(text, match))
    return found


def words_named(text: str, words: list[str]) -> list[str]:
    """The pieces of a text that name one of these words, whole or as part of a compound."""
    pattern = rf"(?<![A-Za-z])(?:{'|'.join(map(re.escape, words))})(?![a-z])"
    found = re.finditer(pattern, text, re.IGNORECASE)
    # "to four digits" is said of a number.
    return [_around(text, m) for m in found if not _COUNTED.search(text[: m.start()])]
