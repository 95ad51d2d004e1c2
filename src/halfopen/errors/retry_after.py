"""How long the server asks us to wait, from its headers.

`retry-after-ms` and `retry-after` are requests; `x-ratelimit-reset-*` and
`anthropic-ratelimit-*-reset` are weaker hints, used only when nothing else is there.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import mktime_tz, parsedate_tz

DELAY_MAX_S = 86_400.0
"""Longer waits are cut to a day: Azure has been seen to ask for a day, and nothing waits longer."""

_NUMBER = re.compile(r"[+-]?(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(?:[eE][+-]?\d{1,3})?")
_GO = re.compile(r"(?:\d{1,12}(?:\.\d{0,12})?(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h|d))+")
_GO_PART = re.compile(r"(\d{1,12}(?:\.\d{0,12})?)(ns|us|\u00b5s|\u03bcs|ms|s|m|h|d)")
_GO_UNITS_S: Mapping[str, float] = {
    "ns": 1e-9,
    "us": 1e-6,
    "\u00b5s": 1e-6,
    "\u03bcs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
}
_RESET = re.compile(r"(?:x-ratelimit-reset(-\w+(?:-\w+)?)?|anthropic-ratelimit-([\w-]+)-reset)")


def clamp(delay_s: float | None) -> float | None:
    """Return a delay that can be acted on: finite, not negative, at most a day. Else None."""
    if delay_s is None or not math.isfinite(delay_s) or delay_s < 0:
        return None
    return min(delay_s, DELAY_MAX_S)


def retry_after(headers: dict[str, str], wall_s: float | None = None) -> float | None:
    """Return the seconds that `retry-after-ms` or `retry-after` asks for.

    Args:
        headers: Names in lower case.
        wall_s: Seconds since the epoch, for a date; None: the reply's own `date` header.
    """
    millis = _number(headers.get("retry-after-ms", ""))
    if millis is not None and millis >= 0:
        return clamp(millis / 1000)
    value = headers.get("retry-after", "").strip()
    seconds = _number(value)
    if seconds is not None:
        return clamp(seconds)
    then = http_date(value)
    now = http_date(headers.get("date", "")) if wall_s is None else wall_s
    if then is None or now is None or not math.isfinite(now):
        return None
    # A date that has passed while the reply travelled means: now.
    return clamp(max(0.0, then - now))


def rate_limit_reset(headers: dict[str, str], wall_s: float | None = None) -> float | None:
    """Return the seconds until the exhausted rate limits are full again; None: no such hint.

    A limit counts as exhausted unless its `remaining` header shows that something is left.
    """
    now = http_date(headers.get("date", "")) if wall_s is None else wall_s
    longest: float | None = None
    for name, value in headers.items():
        match = _RESET.fullmatch(name)
        if match is None:
            continue
        left = _number(headers.get(name.replace("reset", "remaining"), "0"))
        if left is not None and left > 0:
            continue
        delay_s = clamp(_reset_s(value.strip(), now))
        if delay_s and (longest is None or delay_s > longest):
            longest = delay_s
    return longest


def http_date(value: str) -> float | None:
    """Return the seconds since the epoch of an HTTP date in any of its three forms."""
    if not value or len(value) > 64:
        return None
    try:
        parsed = parsedate_tz(value)
        stamp = None if parsed is None else float(mktime_tz(parsed))
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return None
    return stamp


def go_duration_s(value: str) -> float | None:
    """Return the seconds of a Go duration such as `6m0s` or `12ms`."""
    if len(value) > 100 or _GO.fullmatch(value) is None:
        return None
    return math.fsum(float(number) * _GO_UNITS_S[unit] for number, unit in _GO_PART.findall(value))


def _reset_s(value: str, now: float | None) -> float | None:
    duration = go_duration_s(value)
    if duration is not None:
        return duration
    number = _number(value)
    if number is None:
        then = _rfc3339(value)
    elif number < 1e9:
        return number
    else:
        # Some gateways send a moment: seconds since the epoch, or milliseconds.
        then = number / 1000 if number > 1e11 else number
    return None if then is None or now is None else then - now


def _rfc3339(value: str) -> float | None:
    if len(value) > 40:
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _number(value: str) -> float | None:
    text = value.strip()
    if not text.isascii() or _NUMBER.fullmatch(text) is None:
        return None
    number = float(text)
    return number if math.isfinite(number) else None
