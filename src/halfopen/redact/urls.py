"""Secrets in addresses: userinfo, parameters, signatures, and web hooks whose path is the secret."""

import re
from typing import Final

from halfopen.redact import names
from halfopen.redact.mask import MASKED, Mask
from halfopen.redact.rule import Rule, substitution

_PARAMETER: Final = re.compile(
    # The start of a parameter, also inside JSON (\u0026), HTML (&amp;) and another address (%26).
    r"(?P<start>[?&;#]|\\u0026|%26|%3[Ff])"
    r"(?P<name>(?:[^\s?&;#=%\"'<>\\]|%5[Ff]|%2[Dd]){1,64}+)"
    r"(?P<equals>=|%3[Dd])"
    rf"(?!{MASKED.pattern})"
)
_VALUE: Final = re.compile(r"[^\s&#\"'<>\\]+")
_LOOK_CHARS: Final = 64
_ESCAPED_PUNCTUATION: Final = re.compile("%5[Ff]|%2[Dd]")
_BARE_USERINFO: Final = re.compile(r"[^\s/?#@:\[\]]+:[^\s/?#]*@")


def _parameters(text: str) -> str:
    """Mask the values of secret parameters. A value is read only under a secret name, so it stays linear."""
    pieces: list[str] = []
    done = position = 0
    while match := _PARAMETER.search(text, position):
        position = match.end()
        name = match["name"]
        mask = names.parameter(_ESCAPED_PUNCTUATION.sub("_", name) if "%" in name else name)
        if mask is None and names.normal(name) == "code":
            # An authorization code; a status code stays.
            head = _VALUE.match(text, position, position + _LOOK_CHARS)
            mask = Mask.TOKEN if head and names.looks_random(head[0]) else None
        if mask is None or text.startswith("${", position):
            continue
        value = _VALUE.match(text, position)
        if value:
            pieces += (text[done:position], mask)
            done = position = value.end()
    pieces.append(text[done:])
    return "".join(pieces)


def bare_userinfo(url: str) -> str:
    """Mask `user:password@` at the start of an address that has no scheme."""
    match = _BARE_USERINFO.match(url)
    return f"{Mask.USERINFO}@{url[match.end() :]}" if match else url


RULES: Final[tuple[Rule, ...]] = (
    # To the last @ of the authority: passwords with a raw @ are common. Bounded, and no slash inside.
    substitution("userinfo", r"://[^\s/?#\"'<>\\]{1,512}@", f"://{Mask.USERINFO}@", "://"),
    substitution(
        "slack web hook",
        r"(hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/)[A-Za-z0-9_/-]{4,}+",
        rf"\1{Mask.KEY}",
        "hooks.slack",
    ),
    substitution(
        "discord web hook",
        r"(/api/webhooks/[0-9]{5,25}/)[A-Za-z0-9_-]{8,}+",
        rf"\1{Mask.KEY}",
        "/api/webhooks/",
    ),
    substitution(
        "teams web hook",
        r"(\.webhook\.office\.com/webhookb2/)[^\s\"'<>\\\[]++",
        rf"\1{Mask.KEY}",
        "webhook.office.com",
    ),
    substitution("telegram bot", r"(/bot[0-9]{5,12}:)[A-Za-z0-9_-]{20,}+", rf"\1{Mask.KEY}", "/bot"),
    substitution(
        "pagerduty integration",
        r"(events\.(?:eu\.)?pagerduty\.com/(?:integration|x-ere)/)[A-Za-z0-9]{8,}+",
        rf"\1{Mask.KEY}",
        "pagerduty.com",
    ),
    Rule("parameters", ("=", "%3d"), _parameters),
)
