"""Keys of the clouds: Google, Amazon, and PagerDuty's, which only their surroundings give away."""

import re
from typing import Final

from halfopen.redact.mask import Mask
from halfopen.redact.rule import Rule, substitution

_DIGIT: Final = re.compile("[0-9]")
_HEX: Final = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_AMAZON: Final = re.compile(r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_AMAZON_NEARBY: Final = re.compile(r"(?i:secret|aws)|\[key\]")
_PAGERDUTY: Final = re.compile(
    r"(?<![\w+-])(?:u\+[A-Za-z0-9_-]{18}|[A-Za-z0-9_-]{20}|[A-Za-z0-9]{32})(?![\w-])", re.ASCII
)
_PAGERDUTY_NEARBY: Final = re.compile(
    r"(?i)pager[ _-]?duty[^\r\n]{0,40}(?:key|token|secret|routing|integration)"
    r"(?:[^\r\nA-Za-z0-9]{1,8}(?:is|was))?[^\r\nA-Za-z0-9]{1,8}\Z"
)
_NEARBY_CHARS: Final = 72


def _nearby(match: re.Match[str]) -> str:
    return match.string[max(0, match.start() - _NEARBY_CHARS) : match.start()]


def _amazon_secret(match: re.Match[str]) -> str:
    secret = match[0]
    if _HEX.fullmatch(secret) or not _DIGIT.search(secret) or secret == secret.lower():
        return secret  # the hash of a commit, or a path
    return Mask.SECRET if _AMAZON_NEARBY.search(_nearby(match)) else secret


def _pagerduty(match: re.Match[str]) -> str:
    key = match[0]
    return Mask.KEY if _DIGIT.search(key) and _PAGERDUTY_NEARBY.search(_nearby(match)) else key


RULES: Final[tuple[Rule, ...]] = (
    substitution("google", r"AIza(?<![A-Za-z0-9]AIza)[A-Za-z0-9_-]{16,}+", Mask.KEY, "aiza"),
    # What AI Studio gives out since 2026.
    substitution("google auth key", r"AQ\.(?<![A-Za-z0-9]AQ\.)[A-Za-z0-9_-]{20,}+", Mask.KEY, "aq."),
    substitution("google oauth", r"ya29\.(?<![A-Za-z0-9]ya29\.)[A-Za-z0-9_.-]{8,}+", Mask.TOKEN, "ya29."),
    substitution("google client secret", r"GOCSPX-[A-Za-z0-9_-]{16,}+", Mask.SECRET, "gocspx-"),
    substitution("google refresh token", r"1//0(?<![0-9/]1//0)[A-Za-z0-9_-]{24,}+", Mask.TOKEN, "1//0"),
    substitution(
        "amazon key id",
        r"A(?:KIA|SIA)(?<![A-Za-z0-9].{4})[A-Z0-9]{16}(?![A-Za-z0-9])",
        Mask.KEY,
        "akia",
        "asia",
    ),
    Rule("amazon secret", ("secret", "aws", "[key]"), lambda text: _AMAZON.sub(_amazon_secret, text)),
    Rule(
        "pagerduty",
        ("pagerduty", "pager duty", "pager_duty", "pager-duty"),
        lambda text: _PAGERDUTY.sub(_pagerduty, text),
    ),
)
