"""Cookie and Set-Cookie headers: names stay, values go."""

import re
from typing import Final

from halfopen.redact.mask import MASKED, Mask
from halfopen.redact.rule import Rule

_LINE: Final = re.compile(
    r"(?i)(?P<name>(?:set-)?cookie2?)(?<![a-z0-9_]cookie)(?P<sep>\\{0,3}[\"']?\s{0,4}(?:=>|=|:|,)\s{0,4}\\{0,3}[\"']?)"
    r"(?P<value>[^\r\n\"'\\]++)"
)
_ATTRIBUTES: Final = frozenset(
    ("path", "domain", "expires", "max-age", "samesite", "secure", "httponly", "partitioned", "priority")
)
"""What Set-Cookie says about a cookie; no secret."""


def cookie(value: str) -> str:
    """Mask the values of a Cookie or Set-Cookie header; keep names and attributes."""
    return ";".join(_pair(piece) for piece in value.split(";"))


def _pair(piece: str) -> str:
    name, equals, value = piece.partition("=")
    if not equals:
        bare = piece.strip()
        known = not bare or bare.lower() in _ATTRIBUTES or MASKED.fullmatch(bare)
        return piece if known else piece.replace(bare, Mask.COOKIE, 1)
    if not value.strip() or name.strip().lower() in _ATTRIBUTES or MASKED.fullmatch(value.strip()):
        return piece
    return f"{name}={Mask.COOKIE}"


def _line(match: re.Match[str]) -> str:
    value = match["value"]
    if "=" not in value:
        return match[0]  # prose about cookies
    return match["name"] + match["sep"] + cookie(value)


RULES: Final[tuple[Rule, ...]] = (Rule("cookies", ("cookie",), lambda text: _LINE.sub(_line, text)),)
