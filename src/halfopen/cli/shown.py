"""Times, durations, money and foreign text as the terminal shows them."""

import re
from datetime import UTC, datetime
from typing import Final

NONE: Final = "-"
"""In the place of what isn't known."""
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)")
_SECONDS = (("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0))
_CUT = 200


def local_time(wall_s: float, *, date: bool = True) -> str:
    """A moment in local time with its zone. `wall_s`: seconds since the Unix epoch."""
    moment = datetime.fromtimestamp(wall_s, UTC).astimezone()
    milliseconds = moment.microsecond // 1000
    day = f"{moment:%Y-%m-%d} " if date else ""
    return f"{day}{moment:%H:%M:%S}.{milliseconds:03d} {moment:%Z}"


def iso_time(wall_s: float) -> str:
    """A moment as ISO 8601 has it, in UTC."""
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds")


def moment(text: str, now_s: float) -> float:
    """A time that a person gives: so long ago (90s, 15m, 1h, 7d), or an ISO 8601 time.

    Args:
        text: What was given. A time without a zone is local.
        now_s: Seconds since the Unix epoch.

    Raises:
        ValueError: It is neither.
    """
    if span := _SPAN.fullmatch(text):
        return now_s - float(span[1]) * dict(_SECONDS)[span[2]]
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


def duration(ms: float | None) -> str:
    """A duration, as exact as it is worth. `ms`: milliseconds; None: a dash."""
    if ms is None:
        return NONE
    if ms < 10:
        return f"{ms:.1f} ms"
    return f"{ms:.0f} ms" if ms < 10_000 else f"{ms / 1000:.1f} s"


def money(usd: float) -> str:
    """US dollars, with more digits the less it is."""
    if usd == 0:
        return "$0"
    return f"${usd:.2f}" if usd >= 1 else f"${usd:.6f}"


def plain(text: str, most: int = _CUT) -> str:
    """Text that somebody else wrote, without what would steer a terminal, cut to a bound."""
    shown = "".join(each if each.isprintable() else "�" for each in text[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + "…"
