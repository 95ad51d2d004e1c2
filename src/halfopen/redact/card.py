"""Payment-card numbers: an issuer's prefix, a printed grouping, and the check digit.

Source of the check: ISO/IEC 7812-1, annex B (the Luhn formula).
"""

import re
from typing import Final

from halfopen.redact.mask import Mask
from halfopen.redact.rule import Rule

_CARD: Final = re.compile(
    r"[0-9](?<![\w.+-][0-9])(?:"
    r"[0-9]{13,18}"  # in one piece
    r"|[0-9]{3}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{3})?"
    r"|[0-9]{3}([ -])[0-9]{6}\2[0-9]{4,5}"  # American Express, Diners Club
    r")(?![\w]|[.-]\w)",
    re.ASCII,
)
_ISSUER: Final = re.compile(
    r"4[0-9]{15}(?:[0-9]{3})?"  # Visa
    r"|(?:5[1-5]|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720))[0-9]+"  # Mastercard
    r"|3[47][0-9]{13}"  # American Express
    r"|3(?:0[0-5]|[68][0-9])[0-9]{11}"  # Diners Club
    r"|(?:6011|64[4-9]|65|62|35(?:2[89]|[3-8][0-9]))[0-9]+",  # Discover, UnionPay, JCB
    re.ASCII,
)


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = ord(digit) - 48
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def _card(match: re.Match[str]) -> str:
    digits = match[0].replace(" ", "").replace("-", "")
    plausible = _ISSUER.fullmatch(digits) and (len(digits) >= 16 or digits[0] == "3")
    return Mask.CARD if plausible and luhn(digits) else match[0]


RULES: Final[tuple[Rule, ...]] = (Rule("card", (), lambda text: _CARD.sub(_card, text)),)
