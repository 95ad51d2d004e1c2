"""What a row tells of a request, for spans, logs and histograms alike.

A plain row has no outcome: the times of its one attempt are in it. Times are in seconds since the request
arrived: differences of the wall clock would be less exact.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from halfopen.model import Attempt, Outcome, Usage
from halfopen.seams.outcome_store import DETAILED, Row, Rows
from halfopen.seams.sums import CANCELLED, GONE, OK
from halfopen.signals.fold import told_skips

_ID: Final = DETAILED.index("request_id")
"""The first after those of the context."""
_ENDED: Final = DETAILED.index("ended_wall_s")
_DURATION: Final = DETAILED.index("duration_ms")
_QUEUE: Final = DETAILED.index("queue_ms")
_FIRST: Final = DETAILED.index("first_content_ms")
_TOKENS: Final = DETAILED.index("input_tokens")
"""After it: those of the answer, and those from a cache."""
_COST: Final = DETAILED.index("cost_nusd")
_RESCUED: Final = DETAILED.index("rescued")
_KIND: Final = DETAILED.index("kind")
_GONE: Final = DETAILED.index("client_gone")
_WASTED: Final = DETAILED.index("wasted_nusd")
_USD: Final = 1e-9


class Call(NamedTuple):
    """One attempt."""

    target: str
    began_s: float
    ended_s: float
    first_content_s: float | None
    status: int | None
    """The HTTP status, as far as it is known."""
    result: str
    """`OK`, `CANCELLED` or the kind of the fault."""
    usage: Usage | None


class Request(NamedTuple):
    """One request."""

    id: str
    route: str
    client: str
    caller: str
    snapshot: str
    stream: bool
    arrived_wall_s: float
    """Seconds since the Unix epoch."""
    duration_s: float
    first_content_s: float | None
    served_by: str | None
    result: str
    """`OK`, `GONE` or the kind of the fault that its client got."""
    rescued: bool
    usage: Usage | None
    cost_usd: float
    wasted_usd: float
    calls: tuple[Call, ...]
    skips: tuple[tuple[str, str], ...]
    """Targets that were passed over, each with the reason."""
    continued: tuple[tuple[str, str], ...] = ()
    """Who went on with a cut answer, each with the kind of the fault that cut it."""
    trace: str = ""
    """The `traceparent` that its client sent; empty: none."""

    @property
    def plain(self) -> bool:
        """Whether it was answered whole by the first choice."""
        return self.result == OK and not self.rescued

    @property
    def target(self) -> str:
        """Who served it, else who was asked last; empty: nobody was."""
        return self.served_by or (self.calls[-1].target if self.calls else "")


def requests_of(rows: Rows) -> Iterator[Request]:
    """Every request of some rows."""
    for group in rows.plain:
        for row in group.rows:
            yield _plain((*group.context, *row, group.rescued))
    for row in rows.detailed:
        yield _detailed(row)


def _plain(row: Row) -> Request:
    request = _read(row, OK, 0)
    began_s = float(row[_QUEUE] or 0.0) / 1000.0
    call = Call(request.target, began_s, request.duration_s, request.first_content_s, None, OK, request.usage)
    return request._replace(calls=(call,))


def _detailed(row: Row) -> Request:
    result = GONE if row[_GONE] else str(row[_KIND] or OK)
    request = _read(row, result, row[_WASTED])
    outcome = _outcome(row[-1])
    if outcome is None:
        return request
    return request._replace(
        calls=tuple(_call(attempt, outcome.arrived) for attempt in outcome.attempts),
        skips=tuple((skip.target, skip.reason) for skip in outcome.skips),
        continued=tuple((each.target, each.after) for each in outcome.continuations),
        trace=outcome.trace,
    )


def _read(row: tuple[Any, ...], result: str, wasted_nusd: Any) -> Request:
    route, client, caller, snapshot, stream, served_by, skipped = row[:_ID]
    duration_s = row[_DURATION] / 1000.0
    return Request(
        id=row[_ID],
        route=route,
        client=client,
        caller=caller,
        snapshot=snapshot,
        stream=bool(stream),
        arrived_wall_s=row[_ENDED] - duration_s,
        duration_s=duration_s,
        first_content_s=None if row[_FIRST] is None else row[_FIRST] / 1000.0,
        served_by=served_by,
        result=result,
        rescued=bool(row[_RESCUED]),
        usage=_usage(*row[_TOKENS : _TOKENS + 3]),
        cost_usd=row[_COST] * _USD,
        wasted_usd=wasted_nusd * _USD,
        calls=(),
        skips=told_skips(skipped) if skipped else (),
    )


def _call(attempt: Attempt, arrived: float) -> Call:
    first = attempt.first_content
    result = OK if attempt.fault is None else attempt.fault.kind.value
    return Call(
        attempt.target,
        attempt.started - arrived,
        attempt.ended - arrived,
        None if first is None else first - arrived,
        attempt.status,
        CANCELLED if attempt.cancelled else result,
        attempt.usage,
    )


def _usage(given: int | None, answered: int | None, cached: int | None) -> Usage | None:
    if given is None and answered is None:
        return None
    return Usage(given or 0, answered or 0, cached or 0)


def _outcome(detail: Any) -> Outcome | None:
    try:
        return msgspec.msgpack.decode(detail, type=Outcome) if isinstance(detail, bytes) else None
    except msgspec.DecodeError:
        return None
