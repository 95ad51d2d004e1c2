"""Telephone numbers, where there is no doubt: international form, North American form, or named."""

import re
from typing import Final

from halfopen.redact.mask import Mask
from halfopen.redact.rule import Rule, substitution

_INTERNATIONAL: Final = re.compile(
    r"(?<![\w+/.=:-])(?:\+[1-9]|00[1-9][0-9]{0,2}(?=[ /-]))(?:[ .()/-]{0,2}[0-9]){7,14}(?![\w]|[.:/-]\w)",
    re.ASCII,
)
_NAMED: Final = re.compile(
    r"(?i)(?P<before>(?<![a-z])(?:phone|telephone|telefon|mobile?|handy|whatsapp|tel|fax)"
    r"(?:[ _]?(?:number|no))?"
    r"\\{0,3}[\"']?\s{0,2}[:=.]{0,2}\s{0,2}\\{0,3}[\"']?)"
    r"(?P<number>[0-9(](?:[ ./()-]{0,2}[0-9]){6,14})(?![\w]|[.:-][0-9])",
    re.ASCII,
)

RULES: Final[tuple[Rule, ...]] = (
    Rule("international phone", ("+", "00"), lambda text: _INTERNATIONAL.sub(Mask.PHONE, text)),
    substitution(
        "north american phone",
        # Neither the area code nor the exchange begins with 0 or 1.
        r"(?<![\w.+/:=-])(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}([-. ]))"
        r"[2-9][0-9]{2}(?(1)\1|-)[0-9]{4}(?![\w]|[.:/-]\w)",
        Mask.PHONE,
    ),
    Rule(
        "named phone",
        ("phone", "mobil", "handy", "whatsapp", "tel", "fax"),
        lambda text: _NAMED.sub(rf"\g<before>{Mask.PHONE}", text),
    ),
)
