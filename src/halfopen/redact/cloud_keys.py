"""Keys of the clouds: Google, Amazon, and PagerDuty's, which only their surroundings give away."""

import re
from typing import Final

from halfopen.redact.mask import Mask
from halfopen.redact.rule import Rule, substitution

_HEX: Final = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_SECRET_NEARBY: Final = re.compile(
    r"(?P<before>(?:(?i:secret|aws)|\[key\])[^\r\n]{0,48}?(?<![A-Za-z0-9/+]))"
    r"(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
)
_PAGERDUTY: Final = re.compile(
    r"(?P<before>(?i:pager[ _-]?duty)[^\r\n]{0,40}?(?i:key|token|secret|routing|integration)"
    r"[^\r\nA-Za-z0-9+]{1,8}(?:(?i:is|was) )?)"
    r"(?P<secret>u\+[A-Za-z0-9_-]{18}|[A-Za-z0-9_-]{20}|[A-Za-z0-9]{32})(?![A-Za-z0-9_-])"
)


def _amazon_secret(match: re.Match[str]) -> str:
    secret = match["secret"]
    if _HEX.fullmatch(secret) or not re.search("[0-9]", secret) or secret == secret.lower():
        return match[0]  # the hash of a commit, or a path
    return match["before"] + Mask.SECRET


def _pagerduty(match: re.Match[str]) -> str:
    varied = any(c.isdigit() for c in match["secret"])
    return match["before"] + Mask.KEY if varied else match[0]


RULES: Final[tuple[Rule, ...]] = (
    substitution("google", r"AIza(?<![A-Za-z0-9]AIza)[A-Za-z0-9_-]{16,}+", Mask.KEY, "aiza"),
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
    Rule("amazon secret", ("secret", "aws", "[key]"), lambda text: _SECRET_NEARBY.sub(_amazon_secret, text)),
    Rule(
        "pagerduty",
        ("pagerduty", "pager duty", "pager_duty", "pager-duty"),
        lambda text: _PAGERDUTY.sub(_pagerduty, text),
    ),
)
