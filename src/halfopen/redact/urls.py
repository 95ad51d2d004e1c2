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
    rf"(?!{MASKED.pattern})(?P<value>[^\s&#\"'<>\\]++)"
)
_ESCAPED_PUNCTUATION: Final = re.compile("%5[Ff]|%2[Dd]")
_BARE_USERINFO: Final = re.compile(r"[^\s/?#@:\[\]]+:[^\s/?#]*@")


def _parameter(match: re.Match[str]) -> str:
    start, name, equals, value = match.groups()
    mask = names.parameter(_ESCAPED_PUNCTUATION.sub("_", name) if "%" in name else name)
    if mask is None and names.normal(name) == "code" and names.looks_random(value):
        mask = Mask.TOKEN  # an authorization code; a status code stays
    if mask is None or value.startswith("${"):
        return match[0]
    return f"{start}{name}{equals}{mask}"


def _parameters(text: str) -> str:
    return _PARAMETER.sub(_parameter, text)


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
