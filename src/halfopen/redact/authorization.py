"""Authorization headers in text, and Bearer and Basic credentials wherever they stand."""

import base64
import re
from typing import Final

from halfopen.redact.mask import MASKED, Mask, with_tail
from halfopen.redact.rule import Rule

_HEADER: Final = re.compile(
    r"(?i)(?P<name>authorization)(?P<sep>\\{0,3}[\"']?\s{0,4}(?:=>|=|:|,)\s{0,4}\\{0,3}(?:b(?=[\"']))?[\"']?)"
    r"(?P<value>[^\r\n\"'\\]++)"
)
_SCHEMES: Final = "bearer|basic|token|digest|negotiate|apikey|api-key|key|geniekey|aws4-hmac-sha256|hawk"
_SCHEME: Final = re.compile(rf"(?i)(?P<scheme>{_SCHEMES})(?P<gap>\s{{1,4}})(?P<rest>.+)", re.DOTALL)
_LISTS: Final = frozenset(("aws4-hmac-sha256", "digest", "hawk"))
"""Schemes whose credentials are a list of fields."""
_BEARER: Final = re.compile(
    r"(?i)(?P<scheme>bearer)(?<![a-z0-9]bearer)(?P<gap>\s{1,4})(?!(?:realm|error|scope)=)(?P<value>[\w.~+/=*-]{4,}+)"
)
_BASIC: Final = re.compile(
    r"(?i)(?P<scheme>basic)(?<![a-z0-9]basic)(?P<gap>\s{1,4})(?P<value>[A-Za-z0-9+/_-]{6,}+={0,2})"
)
_URL_SAFE: Final = str.maketrans("-_", "+/")
_PIECE: Final = re.compile(r"[^\s,;]+")
_PLAIN_WORD: Final = re.compile(r"[A-Z]?[a-z]{1,19}(?:[-_/.][a-z]{1,19}){0,3}[.]?|[A-Z]{1,19}")
_PROSE: Final = re.compile(
    r"(?i)(?:header|is|was|failed|failure|required|missing|denied|error|invalid|not|none|null|must|"
    r"should|expected|granted|ok|token|code|server|and|or|for|to)\b"
)


def credentials(value: str) -> str:
    """Mask the value of an Authorization header, but for its scheme and a short tail."""
    match = _SCHEME.fullmatch(value.strip())
    secret = (match["rest"] if match else value).strip()
    if not secret or MASKED.fullmatch(secret):
        return value
    scheme = f"{match['scheme']} " if match else ""
    one_piece = not any(c.isspace() or c == "," for c in secret)
    # Basic is a password, and of a list of fields the last four characters say nothing.
    return scheme + (with_tail(Mask.KEY, secret) if one_piece and scheme.lower() != "basic " else Mask.KEY)


def _header(match: re.Match[str]) -> str:
    value = match["value"]
    start = match["name"] + match["sep"]
    if MASKED.match(value) or _PROSE.match(value):
        return match[0]
    scheme = _SCHEME.match(value)
    if not scheme:
        # Without a scheme only the first piece is the credential; what follows is the log line's.
        return start + _first_piece(value)
    head = start + scheme["scheme"] + scheme["gap"]
    if scheme["scheme"].lower() in _LISTS:
        return head + Mask.KEY
    return head + _first_piece(scheme["rest"])


def _first_piece(value: str) -> str:
    piece = _PIECE.match(value)
    if not piece or MASKED.match(value):
        return value
    secret = piece[0].rstrip(")]}>")
    return Mask.KEY + value[len(secret) :] if secret else value


def _bearer(match: re.Match[str]) -> str:
    if _PLAIN_WORD.fullmatch(match["value"]):
        return match[0]  # "Bearer token", "bearer authentication"
    return match["scheme"] + match["gap"] + Mask.KEY


def _basic(match: re.Match[str]) -> str:
    padded = match["value"].rstrip("=").translate(_URL_SAFE)
    try:
        decoded = base64.b64decode(padded + "=" * (-len(padded) % 4))
    except ValueError:
        return match[0]
    # Real credentials hold a colon; "basic authentication" does not decode to one.
    return match["scheme"] + match["gap"] + Mask.KEY if b":" in decoded else match[0]


RULES: Final[tuple[Rule, ...]] = (
    Rule("authorization", ("authorization",), lambda text: _HEADER.sub(_header, text)),
    Rule("bearer", ("bearer",), lambda text: _BEARER.sub(_bearer, text)),
    Rule("basic", ("basic",), lambda text: _BASIC.sub(_basic, text)),
)
