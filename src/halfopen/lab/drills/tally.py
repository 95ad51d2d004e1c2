"""What a drill's client has counted itself: an entry for each request, by what it saw of the answer alone.

Nothing here is taken from the gateway's record, which is what the tally is held against.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

OK: Final = "ok"
GONE: Final = "client_gone"
NO_END: Final = "(no end)"
"""Results: a whole answer; given up by the client; neither an answer nor an error came. Others are the kind
of the fault that the client was told."""

Key = tuple[str, ...]
"""The name of a measure, and the values of its dimensions."""
Counts = Mapping[Key, int]


@dataclass(slots=True)
class Entry:
    """One request that is over. Times are in seconds since the Unix epoch."""

    number: int
    route: str
    """Empty: no route is configured for what it asked."""
    caller: str
    stream: bool
    began_s: float
    ended_s: float = 0.0
    result: str = NO_END
    target: str = ""
    """Who gave the whole answer, as its text says."""
    rescued: bool = False
    """Whether a whole answer took more than the first call to the first choice."""
    request_id: str = ""
    """As the answer's head said; empty: there was none."""
    input_tokens: int = 0
    output_tokens: int = 0
    """As the answer said."""
    received_bytes: int = 0
    """The body of the request."""
    sent_bytes: int = 0
    """The body of the answer."""
    problem: str = ""
    """What is wrong with the answer; empty: it is what was to be expected."""


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that is counted, by dimensions."""

    dimensions: tuple[str, ...]
    """Fields of an entry."""
    amount: Callable[[Entry], int] = lambda _: 1
    where: Callable[[Entry], bool] = lambda _: True


def _is_ok(entry: Entry) -> bool:
    return entry.result == OK


def _is_seen_whole(entry: Entry) -> bool:
    """Whether the client has read all that it was sent."""
    return entry.result not in (GONE, NO_END)


def _has_failed(entry: Entry) -> bool:
    return entry.result not in (OK, GONE)


MEASURES: Final[Mapping[str, Measure]] = MappingProxyType(
    {
        "requests": Measure(("route", "caller", "result")),
        "requests of a route": Measure(("route", "result")),
        "requests of a caller": Measure(("caller",)),
        "answered": Measure(("route", "target"), where=_is_ok),
        "rescued": Measure(("route", "caller"), where=lambda entry: entry.rescued),
        "rescued of a route": Measure(("route",), where=lambda entry: entry.rescued),
        "streams": Measure(("route", "caller"), where=lambda entry: entry.stream),
        "streams of a route": Measure(("route",), where=lambda entry: entry.stream),
        "input tokens": Measure(("route", "caller"), lambda entry: entry.input_tokens, _is_ok),
        "output tokens": Measure(("route", "caller"), lambda entry: entry.output_tokens, _is_ok),
        "received bytes": Measure(("route", "result"), lambda entry: entry.received_bytes),
        "received bytes of a route": Measure(("route",), lambda entry: entry.received_bytes),
        "sent bytes": Measure(("route", "result"), lambda entry: entry.sent_bytes, _is_seen_whole),
        "all": Measure(()),
        "all answered": Measure((), where=_is_ok),
        "all rescued": Measure((), where=lambda entry: entry.rescued),
        "all failed": Measure((), where=_has_failed),
        "all gone": Measure((), where=lambda entry: entry.result == GONE),
        "all failed by kind": Measure(("result",), where=_has_failed),
    }
)
"""What the client can know."""


def counted(entries: Iterable[Entry], names: Iterable[str]) -> Counter[Key]:
    """The counts of some measures."""
    made: Counter[Key] = Counter()
    chosen = [(name, MEASURES[name]) for name in names]
    for entry in entries:
        for name, measure in chosen:
            if measure.where(entry):
                values = (str(getattr(entry, dimension)) for dimension in measure.dimensions)
                made[(name, *values)] += measure.amount(entry)
    return made
