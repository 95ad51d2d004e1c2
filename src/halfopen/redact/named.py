"""Secrets that only their name gives away: `password=…`, `"client_secret": "…"`, `--token …`.

A pattern finds the word that may announce a secret; the whole name around it then decides, so that
`max_tokens` and `idempotency_key` stay. The value is read by hand, since how it ends depends on how
it is quoted, and quotes may be escaped when JSON is carried inside JSON.
"""

import re
from typing import Final

from halfopen.redact import names
from halfopen.redact.mask import MASKED, Mask
from halfopen.redact.rule import Rule

_WORDS: Final = (
    "password", "passwd", "passphrase", "passcode", "pwd", "passwort", "kennwort", "wachtwoord", "senha",
    "secret", "token", "key", "credential",
    "jwt", "otp", "cvv", "cvc", "ssn", "iban", "sessionid", "sessid", "connect.sid", "cf_clearance",
    "__cf_bm", "creditcard", "credit_card", "card_number", "cardnumber",
)  # fmt: skip
_ANNOUNCED: Final = re.compile(
    r"(?:" + "|".join(re.escape(word) for word in _WORDS) + r")"
    r"(?P<ending>[a-z0-9_-]{0,24}+)"
    r"(?P<close>\\{0,3}[\"'`]?\]?)"
    r"\s{0,4}(?P<sep>(?:(?<=\s)provided:?\s)|:=|=>|==?|:|>)\s{0,4}+"
    rf"(?!{MASKED.pattern})"
)
_FLAG: Final = re.compile(
    r"(?i)--(?<![\w-]--)(?P<name>[a-z0-9-]{0,40}(?:password|passwd|secret|token|key|credentials?))"
    r"(?P<gap>[ \t]{1,4}[\"']?)(?P<value>[^-\s\"'<>\[$][^\s\"'<>]*+)"
)
_USER_FLAG: Final = re.compile(
    r"(?P<flag>-(?<![\w-]-)(?:u|-user|-proxy-user)[ \t=]{1,4}[\"']?)[^\s:\"'\[]{1,64}+:[^\s\"']++"
)
_SAID: Final = re.compile(r"(?i)(?P<before>api[ _-]?key\s{1,4}[\"'`]?)(?P<value>[\w.~+/=-]{16,}+)")
"""As in `API key 0f3c… is invalid`: nothing but a blank, and perhaps a quote, before the key."""
_NAME_CHARS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
_FIRST_WORD: Final = re.compile(
    r"(?i)(?<![a-z])(?:api|access|secret|private|auth|refresh|session|client|security|signing|bearer|bot) \Z"
)
_FIRST_WORD_MAX_CHARS: Final = 10
_NAME_MAX_CHARS: Final = 48
_OPENING: Final = re.compile(r"(?P<slashes>\\{0,7})(?P<quote>[\"'`])")
_UNQUOTED: Final = re.compile(r"[^\s\"'`&;,<>\\]+")
_LOOK: Final = re.compile(r"[^\s\"'`&;,<>\\]{12,64}+")
"""What is looked at of a value under a weak name before all of it is read."""
_END_OF_PROSE: Final = ".:!?)]}"
_CODE: Final = re.compile(
    r"(?:[A-Za-z_]\w{0,64}\.){1,4}[A-Za-z_]\w{0,64}[(\[]|(?:process|import\.meta)\.env\.|=+\Z", re.ASCII
)
"""A value that a program has elsewhere: a call of a method, a place in a table; or a comparison's sign."""
_WORD: Final = re.compile(r"[A-Za-z]?[a-z]+")
_STATES: Final = frozenset(
    (
        "missing", "invalid", "required", "expected", "must", "is", "not", "unset", "empty", "please",
        "check", "found", "expired", "revoked", "wrong", "incorrect", "unknown", "set", "given", "ok",
        "valid", "absent", "present", "rejected", "refused", "denied", "bad", "string", "str", "bytes",
        "optional", "redacted", "hidden", "masked", "default", "error", "failed", "unauthorized",
        "forbidden", "changed", "rotated",
    )
)  # fmt: skip
"""What is said about a secret after a colon."""


def _named(text: str) -> str:
    pieces: list[str] = []
    done = position = 0
    lower = _lower(text)
    while match := _ANNOUNCED.search(lower, position):
        position = match.end()
        found = _value(text, match)
        if found is None:
            continue
        start, end, mask = found
        pieces += (text[done:start], mask)
        done = position = end
    pieces.append(text[done:])
    return "".join(pieces)


def _lower(text: str) -> str:
    """The text in lower case, character for character. Searching that is faster than ignoring case."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text.replace("\u0130", "i").lower()


def _value(text: str, match: re.Match[str]) -> tuple[int, int, Mask] | None:
    """Where the announced value starts and ends, and its mask; None: nothing to mask."""
    name_start = _name_start(text, match.start())
    separator = match["sep"]
    before = text[name_start - 1 : name_start]
    if (separator == ">" and before != "<") or (before == "[" and MASKED.match(text, name_start - 1)):
        return None
    name = text[name_start : match.end("ending")]
    if before == " " and name_start == match.start():
        first = _FIRST_WORD.search(text, max(0, name_start - _FIRST_WORD_MAX_CHARS), name_start)
        name = first[0] + name if first else name
    is_announced, is_strong = names.announces(name)
    if not is_announced:
        return None
    opening = _OPENING.match(text, match.end())
    start = opening.end() if opening else match.end()
    if opening and MASKED.match(text, start):
        return None
    look = None if is_strong else _LOOK.match(text, start)
    if not is_strong and not (look and names.looks_random(look[0])):
        return None  # before the whole value is read: a text of nothing but names stays linear
    end = _closing(text, opening) if opening else _unquoted(text, start)
    strict = opening is not None or separator != ":"
    value = text[start:end]
    if opening is None and _CODE.match(value):
        return None
    if not strict and _is_prose(text, end, value):
        return None
    mask = names.mask_for(name, value)
    return (start, end, mask) if mask else None


def _name_start(text: str, position: int) -> int:
    limit = max(0, position - _NAME_MAX_CHARS)
    while position > limit and text[position - 1] in _NAME_CHARS:
        position -= 1
    return position


def _flag(match: re.Match[str]) -> str:
    mask = names.strong(match["name"]) or names.weak(match["name"])
    return f"--{match['name']}{match['gap']}{mask}" if mask else match[0]


def _said(match: re.Match[str]) -> str:
    value = match["value"]
    random = any(c.isdigit() for c in value) and names.looks_random(value)
    return match["before"] + Mask.KEY if random else match[0]


def _closing(text: str, opening: re.Match[str]) -> int:
    """Where the quoted value ends: at its quote, escaped as deep as the opening one, or at the line's end."""
    depth = len(opening["slashes"])
    position = opening.end()
    while True:
        quote = text.find(opening["quote"], position)
        line_end = text.find("\n", position, len(text) if quote < 0 else quote)
        if line_end >= 0 or quote < 0:
            return line_end if line_end >= 0 else len(text)
        slashes = 0
        while slashes <= depth + 8 and quote - slashes > opening.end() and text[quote - slashes - 1] == "\\":
            slashes += 1
        if (slashes % 2 == 0) if depth == 0 else (slashes <= depth):
            return quote - (slashes if depth else 0)
        position = quote + 1


def _unquoted(text: str, position: int) -> int:
    """Where the value without quotes ends; the punctuation of a sentence is not part of it."""
    match = _UNQUOTED.match(text, position)
    if not match:
        return position
    end = match.end()
    if not names.is_harmless(match[0]):
        while end > position and text[end - 1] in _END_OF_PROSE:
            end -= 1
    return end


def _is_prose(text: str, end: int, value: str) -> bool:
    """Whether what follows a colon is a sentence about the secret rather than the secret."""
    if not _WORD.fullmatch(value):
        return False
    rest = text[end : end + 2]
    last_on_line = not rest.strip(" \t,;.") or rest.startswith("\n")
    return value.lower() in _STATES or not last_on_line


RULES: Final[tuple[Rule, ...]] = (
    Rule("named", _WORDS, _named),
    Rule("said", ("api key", "api_key", "api-key", "apikey"), lambda text: _SAID.sub(_said, text)),
    Rule("flags", ("--",), lambda text: _FLAG.sub(_flag, text)),
    Rule("user flags", ("-u", "-proxy-u"), lambda text: _USER_FLAG.sub(rf"\g<flag>{Mask.USERINFO}", text)),
)
