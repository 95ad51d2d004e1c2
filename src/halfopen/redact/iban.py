"""International bank account numbers: a country's length and the check digits.

Sources: ISO 13616-1 (the form), ISO/IEC 7064 (mod 97-10), the SWIFT IBAN registry (lengths).
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from halfopen.redact.mask import Mask
from halfopen.redact.rule import Rule

_COUNTRIES_BY_LENGTH: Final[Mapping[int, str]] = MappingProxyType(
    {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD", 19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }
)  # fmt: skip

_START: Final = re.compile(r"[A-Z](?<![A-Za-z0-9].)[A-Z][0-9]{2}", re.DOTALL)
_BY_COUNTRY: Final[Mapping[str, re.Pattern[str]]] = MappingProxyType(
    {
        country: re.compile(rf"(?:[ \u00a0]?[A-Z0-9]){{{length - 4}}}(?![A-Za-z0-9])")
        for length, countries in _COUNTRIES_BY_LENGTH.items()
        for country in countries.split()
    }
)
"""What follows the country and the check digits."""


def mod97(iban: str) -> int:
    """The remainder that is 1 for a valid number: letters count from A = 10, the first four go last."""
    moved = iban[4:] + iban[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97


def _ibans(text: str) -> str:
    pieces: list[str] = []
    done = position = 0
    while start := _START.search(text, position):
        position = start.end()
        pattern = _BY_COUNTRY.get(start[0][:2])
        rest = pattern.match(text, position) if pattern else None
        if rest and mod97((start[0] + rest[0]).replace(" ", "").replace("\u00a0", "")) == 1:
            pieces += (text[done : start.start()], Mask.IBAN)
            done = position = rest.end()
    pieces.append(text[done:])
    return "".join(pieces)


RULES: Final[tuple[Rule, ...]] = (Rule("iban", (), _ibans),)
