"""What a response's headers tell of the provider's rate limits.

| provider | headers | reset |
|---|---|---|
| OpenAI, Groq | x-ratelimit-{limit,remaining,reset}-{requests,tokens,project-tokens} | `6m0s`, `12ms` |
| Azure | the same; at times what remains only, or -1 | whole seconds |
| Anthropic | anthropic-ratelimit-{requests,[input-,output-]tokens}-{limit,remaining,reset} | RFC 3339 |
| Mistral | x-ratelimit-{limit,remaining}-{req,tokens}-minute | none |
| Cerebras | x-ratelimit-{limit,remaining,reset}-{requests,tokens}-{minute,hour,day} | seconds |
| Fireworks | x-ratelimit-{limit,remaining}-tokens-{prompt,generated} | none |
| Together | x-ratelimit-{limit,remaining,reset}, x-tokenlimit-{limit,remaining}: a second's | seconds |
| OpenRouter | x-ratelimit-{limit,remaining,reset}, of free models | milliseconds since the epoch |
| gateways in front | ratelimit, ratelimit-policy, ratelimit-{limit,remaining,reset}: IETF draft | seconds |
| Gemini | none | |

A reset is the time until the allowance is full. OpenAI and Groq don't say whether a limit is a minute's
or a day's (Groq's requests are a day's): the reset tells, see `policy.pacer`. What can't be read is left
out; nothing here raises.

Sources: the vendors' pages on rate limits; draft-ietf-httpapi-ratelimit-headers-10.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from halfopen.model import Dimension, RateLimit

_VALUE_MAX = 64
"""Characters of a value that is read. Longer ones are no numbers."""
_POLICY_MAX = 512
"""Characters of the draft's two headers, which are lists."""
_LIMITS_MAX = 12
_EPOCH_S = 1e9
"""A reset from here on is a moment, not a duration: it would be 31 years."""
_EPOCH_MS = 1e11

_FIELDS: Final = ("limit", "remaining", "reset")
_COUNTED: Final[Mapping[str, Dimension]] = {
    "": Dimension.REQUESTS,
    "req": Dimension.REQUESTS,
    "requests": Dimension.REQUESTS,
    "tokens": Dimension.TOKENS,
    "input-tokens": Dimension.INPUT_TOKENS,
    "tokens-prompt": Dimension.INPUT_TOKENS,
    "output-tokens": Dimension.OUTPUT_TOKENS,
    "tokens-generated": Dimension.OUTPUT_TOKENS,
}
_WINDOWS_S: Final[Mapping[str, float]] = {
    "second": 1.0,
    "minute": 60.0,
    "hour": 3600.0,
    "day": 86_400.0,
    "month": 30 * 86_400.0,
}
_UNITS_S: Final[Mapping[str, float]] = {
    "ns": 1e-9,
    "us": 1e-6,
    "\u00b5s": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
}

_Limit = tuple[Dimension, float | None]
"""What is counted, and over how many seconds; None: the headers don't say."""
_Told = dict[_Limit, dict[str, float]]
"""limit, remaining, reset (and window, from the draft) of each, in the order of the headers."""


def _names() -> dict[str, tuple[_Limit, str]]:
    """Return each header's meaning: which limit, and which field of it."""
    names: dict[str, tuple[_Limit, str]] = {}
    for field in _FIELDS:
        for what, dimension in _COUNTED.items():
            plain = f"x-ratelimit-{field}-{what}".removesuffix("-")
            names[plain] = ((dimension, None), field)
            for window, window_s in _WINDOWS_S.items():
                names[f"{plain}-{window}"] = names[f"{plain}-per-{window}"] = ((dimension, window_s), field)
            if what:
                names[f"anthropic-ratelimit-{what}-{field}"] = ((dimension, 60.0), field)
        # A limit of its own, which OpenAI's projects have for a minute.
        names[f"x-ratelimit-{field}-project-tokens"] = ((Dimension.TOKENS, 60.0), field)
        names[f"x-tokenlimit-{field}"] = ((Dimension.TOKENS, 1.0), field)
        names[f"ratelimit-{field}"] = ((Dimension.REQUESTS, None), field)
    return names


_NAMES: Final[Mapping[str, tuple[_Limit, str]]] = _names()


def rate_limits(headers: Sequence[tuple[str, str]], dialect: str, wall_s: float) -> tuple[RateLimit, ...]:
    """Return the rate limits that a response tells of.

    Args:
        headers: Names in lower case, as `http1.ResponseHead` has them. Any values.
        dialect: openai, anthropic or gemini, which tells nothing.
        wall_s: Seconds since the epoch, for resets that are moments.

    Returns:
        One for each dimension and window, with a limit or what remains; at most 12.
    """
    if dialect == "gemini":
        return ()
    for name, _ in headers:
        if "ratelimit" in name:
            break
    else:
        return ()
    told: _Told = {}
    requests_window_s = None
    for name, value in headers:
        meaning = _NAMES.get(name)
        if meaning is not None:
            limit, field = meaning
            if len(value) <= _VALUE_MAX:
                number = _reset_s(value, wall_s) if field == "reset" else _number(value)
                _put(limit, field, number, told)
            if name == "x-tokenlimit-limit":  # Together: its plain x-ratelimit-limit is a second's too
                requests_window_s = 1.0
        elif name in ("ratelimit", "ratelimit-policy") and len(value) <= _POLICY_MAX:
            _draft(name, value, told)
    limits = [
        RateLimit(
            dimension,
            each.get("limit"),
            each.get("remaining"),
            each.get("reset"),
            window_s
            or each.get("window")
            or (requests_window_s if dimension is Dimension.REQUESTS else None),
        )
        for (dimension, window_s), each in told.items()
        if "limit" in each or "remaining" in each
    ]
    return tuple(limits[:_LIMITS_MAX])


def _draft(name: str, value: str, told: _Told) -> None:
    """Read one of the IETF draft's two headers."""
    limit = (Dimension.REQUESTS, None)
    parameters = _parameters(value)
    if name == "ratelimit":
        _put(limit, "remaining", _number(parameters.get("r", "")), told)
        _put(limit, "reset", _number(parameters.get("t", "")), told)
    elif parameters.get("qu", '"requests"').strip('"') == "requests":
        _put(limit, "limit", _number(parameters.get("q", "")), told)
        _put(limit, "window", _number(parameters.get("w", "")), told)


def _parameters(value: str) -> dict[str, str]:
    """Return the parameters of a list's first member: `"default";r=50;t=30, "day";r=9`."""
    parameters: dict[str, str] = {}
    for part in value.partition(",")[0].split(";"):
        name, equals, setting = part.partition("=")
        if equals:
            parameters.setdefault(name.strip(), setting.strip())
    return parameters


def _put(limit: _Limit, field: str, number: float | None, told: _Told) -> None:
    """Keep the first that can be read."""
    if number is not None:
        told.setdefault(limit, {}).setdefault(field, number)


def _number(value: str) -> float | None:
    """Return a number that is not negative: digits, with at most one point. Azure's -1 is none."""
    if value.isdigit() and value.isascii():
        return float(value[:_VALUE_MAX])
    first, _, rest = value.partition(",")
    text = first.strip() if ";" in rest else value.strip()  # an early IETF draft: `100, 100;w=60`
    if not text.isascii() or not text.replace(".", "", 1).isdigit() or len(text) > _VALUE_MAX:
        return None
    return float(text)


def _reset_s(value: str, wall_s: float) -> float | None:
    """Return the seconds until a reset, told as a number, as a duration or as a moment."""
    text = value.strip()
    number = _number(text)
    if number is None:
        duration_s = _duration_s(text)
        if duration_s is not None:
            return duration_s
        then = _moment(text)
    elif number < _EPOCH_S:
        return number
    else:
        then = number / 1000 if number > _EPOCH_MS else number
    if then is None or not math.isfinite(wall_s):
        return None
    return max(0.0, then - wall_s)  # a moment that passed on the way is now


def _duration_s(text: str) -> float | None:
    """Return the seconds of `6m0s`, `1.5s`, `120ms` or `1d2h`."""
    total_s = 0.0
    start = 0
    while start < len(text):
        end = start
        while end < len(text) and text[end] in "0123456789.":
            end += 1
        number = _number(text[start:end])
        start = end
        while end < len(text) and text[end] not in "0123456789.":
            end += 1
        unit_s = _UNITS_S.get(text[start:end])
        if number is None or unit_s is None:
            return None
        total_s += number * unit_s
        start = end
    return total_s if text else None


def _moment(text: str) -> float | None:
    """Return the seconds since the epoch of an RFC 3339 time."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
