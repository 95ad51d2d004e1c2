"""Reads the details that an error object carries: google.rpc's, Anthropic's, Azure's, OpenRouter's."""

import math
import re
from dataclasses import dataclass

_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)s")


@dataclass(frozen=True, slots=True)
class Details:
    """What the details say."""

    words: tuple[tuple[str, str], ...] = ()
    delay_s: float | None = None
    quota_ids: tuple[str, ...] = ()


def read_details(error: dict[object, object]) -> Details:
    """Read `details` (a list of typed objects, or one object), `innererror` and `metadata` of an error."""
    words: list[tuple[str, str]] = []
    quota_ids: list[str] = []
    delay_s: float | None = None
    details = error.get("details")
    if isinstance(details, dict) and isinstance(code := details.get("error_code"), str):
        words.append(("details.error_code", code))
    inner = error.get("innererror")
    if isinstance(inner, dict) and isinstance(code := inner.get("code"), str):
        words.append(("innererror.code", code))
    metadata = error.get("metadata")
    if isinstance(metadata, dict) and "flagged_input" in metadata:
        words.append(("metadata", "flagged_input"))
    for detail in details[:16] if isinstance(details, list) else ():
        if not isinstance(detail, dict):
            continue
        if isinstance(reason := detail.get("reason"), str):
            words.append(("details.reason", reason))
        if delay_s is None:
            delay_s = duration_s(detail.get("retryDelay"))
        violations = detail.get("violations")
        quota_ids.extend(
            quota
            for violation in (violations[:16] if isinstance(violations, list) else ())
            if isinstance(violation, dict) and isinstance(quota := violation.get("quotaId"), str)
        )
    return Details(tuple(words), delay_s, tuple(quota_ids))


def duration_s(value: object) -> float | None:
    """Return the seconds of a protobuf Duration in JSON: `"33s"`, `"0.5s"`, or seconds and nanos."""
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        return None if match is None else float(match.group(1))
    if not isinstance(value, dict):
        return None
    total = _number(value.get("seconds")) + _number(value.get("nanos")) / 1e9
    return total if math.isfinite(total) and total >= 0 and ("seconds" in value or "nanos" in value) else None


def _number(value: object) -> float:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 12:
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:
        return float(value)
    return 0.0
