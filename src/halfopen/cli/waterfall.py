"""The attempts of one request as bars on one scale of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

CONNECTING: Final = "·"
WAITING: Final = "░"
RECEIVING: Final = "█"
_NAME_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class Bar:
    """One call to a target. Times in milliseconds since the request arrived; None: it never came to that."""

    target: str
    started_ms: float
    ended_ms: float
    connected_ms: float | None
    first_byte_ms: float | None
    end: str
    """What became of it, in words."""


def bars_of(outcome: dict[str, Any]) -> list[Bar]:
    """The bars of an outcome as JSON has it, in the order in which the calls began."""
    arrived = outcome["arrived"]

    def since(moment: float | None) -> float | None:
        return None if moment is None else (moment - arrived) * 1000.0

    return [
        Bar(
            each["target"],
            since(each["started"]) or 0.0,
            since(each["ended"]) or 0.0,
            since(each["connected"]),
            since(each["first_byte"]),
            end_of(each),
        )
        for each in outcome["attempts"]
    ]


def end_of(attempt: dict[str, Any]) -> str:
    """What became of one attempt: status, and kind and message of its fault."""
    status = f"{attempt['status']} " if attempt["status"] else ""
    fault = attempt["fault"]
    if fault is not None:
        return f"{status}{fault['kind']}: {fault['message']}"
    return f"{status}cancelled" if attempt["cancelled"] else f"{status}answered"


def drawn(bars: Sequence[Bar], total_ms: float, width: int) -> list[str]:
    """Each bar as one line: the target's name, then the bar. All lines are as long.

    Args:
        bars: The calls.
        total_ms: What the whole width stands for.
        width: Characters of the scale.
    """
    named = min(max((len(bar.target) for bar in bars), default=0), _NAME_MAX)
    return [f"{bar.target[:named]:<{named}}  {_bar(bar, max(total_ms, 1e-9), width)}" for bar in bars]


def _bar(bar: Bar, total_ms: float, width: int) -> str:
    def column(ms: float) -> int:
        return min(max(round(ms / total_ms * width), 0), width)

    begin = min(column(bar.started_ms), width - 1)
    end = max(column(bar.ended_ms), begin + 1)  # however short, it is seen
    connected = end if bar.connected_ms is None else min(column(bar.connected_ms), end)
    first_byte = end if bar.first_byte_ms is None else min(column(bar.first_byte_ms), end)
    connected = min(max(connected, begin), end)
    first_byte = max(first_byte, connected)
    if bar.first_byte_ms is not None and first_byte == end:
        first_byte = end - 1  # what was received is seen as well
        connected = min(connected, first_byte)
    received = RECEIVING * (end - first_byte)
    line = CONNECTING * (connected - begin) + WAITING * (first_byte - connected) + received
    return " " * begin + line + " " * (width - end)
