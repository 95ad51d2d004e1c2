"""Figures and states in words, as pages show them."""

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from halfopen.redact import MASKED

NONE: Final = "\N{EN DASH}"
"""Shown for what can't be known."""
_DAY_S: Final = 86400

HEALTH: Final[Mapping[str, str]] = MappingProxyType(
    {
        "idle": "Idle",
        "ok": "Served",
        "rescuing": "Rescuing",
        "failing": "Failing",
        "unknown": "Unknown",
    }
)
SENTENCE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "idle": "Nobody has asked for anything lately.",
        "ok": "Users are served.",
        "rescuing": "Users are served, but not by the first choice.",
        "failing": "Some users get no answer.",
        "unknown": "Nothing is known yet: control has just begun, or hears from no worker.",
    }
)
BREAKER: Final[Mapping[str, str]] = MappingProxyType(
    {
        "closed": "takes calls",
        "open": "gets no calls",
        "half_open": "one call at a time, to see whether it is back",
    }
)


def count(value: float | None) -> str:
    """A number of things: 12,345."""
    return NONE if value is None else f"{value:,.0f}"


def short(value: float | None) -> str:
    """A large number in few characters: 12.3 k."""
    if value is None:
        return NONE
    for factor, unit in ((1e9, " G"), (1e6, " M"), (1e4, " k")):
        if abs(value) >= factor:
            scaled = value / (1e3 if unit == " k" else factor)
            return f"{scaled:.3g}{unit}" if scaled < 1000 else f"{scaled:,.0f}{unit}"
    return f"{value:,.0f}"


def rate(per_s: float | None) -> str:
    """Things a second, or a minute if they are rare."""
    if per_s is None:
        return NONE
    if 0.0 < per_s < 1.0:
        return f"{per_s * 60:.2g}/min"
    return f"{per_s:,.0f}/s" if per_s >= 100 else f"{per_s:.3g}/s"


def ms(value: float | None) -> str:
    """Milliseconds as a person reads them: 480 ms, 1.24 s, 2 min 5 s."""
    if value is None:
        return NONE
    if value == 0.0:
        return "0 ms"
    if value < 0.995:
        return f"{value:.2f} ms"
    if value < 9.95:
        return f"{value:.1f} ms"
    if value < 999.5:
        return f"{value:.0f} ms"
    if value < 99_950.0:
        return f"{value / 1000:.3g} s"
    return lasted(value / 1000)


def lasted(seconds: float | None) -> str:
    """A duration: 45 s, 12 min, 3 h 20 min, 2 d 4 h."""
    if seconds is None:
        return NONE
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < _DAY_S:
        return _two(whole // 3600, "h", whole % 3600 // 60, "min")
    return _two(whole // _DAY_S, "d", whole % _DAY_S // 3600, "h")


def _two(large: int, unit: str, small: int, small_unit: str) -> str:
    return f"{large} {unit} {small} {small_unit}" if small else f"{large} {unit}"


def usd(value: float | None) -> str:
    """US dollars, small amounts with more digits."""
    if value is None:
        return NONE
    if value == 0.0:
        return "$0"
    if abs(value) >= 1.0:
        return f"${value:,.2f}"
    digits = min(9, 1 - math.floor(math.log10(abs(value))))
    return f"${value:.{max(2, digits)}f}"


def percent(part: float | None, whole: float | None = 1.0, *, digits: int = 1) -> str:
    """A share, with so many digits at least.

    It is never 100 % or 0 % unless it is exactly that: what is missing is what one looks for.
    """
    if part is None or not whole:
        return NONE
    share = 100.0 * part / whole
    if share in (0.0, 100.0):
        return f"{share:.0f} %"
    while digits < 4 and (f"{share:.{digits}f}" in (f"{100.0:.{digits}f}", f"{0.0:.{digits}f}")):
        digits += 1
    told = f"{share:.{digits}f}"
    if told == f"{100.0:.{digits}f}":
        return "> 99.9999 %"
    return "< 0.0001 %" if told == f"{0.0:.{digits}f}" else f"{told} %"


def size(value: float | None) -> str:
    """Bytes: 512 B, 3.4 KiB."""
    if value is None:
        return NONE
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.3g} {unit}"
        value /= 1024
    raise AssertionError


def clock(wall_s: float | None, now_s: float | None = None) -> str:
    """A time of day in UTC, with the date if it is not that of `now_s`."""
    if wall_s is None:
        return NONE
    at = datetime.fromtimestamp(wall_s, UTC)
    if now_s is not None and datetime.fromtimestamp(now_s, UTC).date() == at.date():
        return f"{at:%H:%M:%S}"
    return f"{at:%Y-%m-%d %H:%M:%S}"


def minute(wall_s: float | None, now_s: float | None = None) -> str:
    """As `clock`, without seconds."""
    return clock(wall_s, now_s)[:-3] if wall_s is not None else NONE


def iso(wall_s: float) -> str:
    """A time for a machine."""
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="seconds")


def plain(name: str | None) -> str:
    """A name of the taxonomy as words: bad_gateway, bad gateway."""
    return NONE if name is None else name.replace("_", " ")


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """A text cut at the masks of `halfopen.redact`, each piece with whether it is one."""
    done = 0
    for mask in MASKED.finditer(text):
        if mask.start() > done:
            yield text[done : mask.start()], False
        yield mask[0], True
        done = mask.end()
    if done < len(text):
        yield text[done:], False
