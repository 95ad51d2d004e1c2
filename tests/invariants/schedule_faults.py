"""The faults that a schedule draws from: what the classifier makes of replies, and each kind by itself.

Every list has the plainest fault first, so that a search for a smaller example ends there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from halfopen import errors
from halfopen.model import Fault, Kind, Place, Reply, TransportError, Verdict

_DELAYS_S: Final = (None, 0.0, 0.4, 2.0, 7.5, 40.0, 900.0, 86_400.0)
_OF_OURS: Final = (Kind.NO_FIT_TARGET, Kind.POISON_REQUEST, Kind.STREAM_TOO_LONG)
"""Kinds that no attempt fails with."""
_RETRY_AFTER: Final = ("0", "0.3", "3", "120", "900", "86400", "1e9", "nan", "inf", "-5", "soon")
_BODIES: Final = (
    b"",
    b"upstream connect error",
    b'{"error": {"message": "The server had an error", "type": "server_error"}}',
    b'{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}',
    b'{"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}',
    b'{"error": {"message": "maximum context length is 8192 tokens", "code": "context_length_exceeded"}}',
    b'{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}',
    b'{"error": {"code": 503, "message": "The model is overloaded", "status": "UNAVAILABLE"}}',
)
_STATUSES: Final = (500, 503, 429, 401, 402, 403, 400, 404, 408, 409, 413, 501, 502, 504, 520, 524, 529)


def _replies() -> Iterator[Reply]:
    for status in _STATUSES:
        for body in _BODIES:
            yield Reply(status, body=body)
        for value in _RETRY_AFTER:
            yield Reply(status, (("retry-after", value),))
        yield Reply(status, (("x-should-retry", "false"),))
        yield Reply(status, (("retry-after-ms", "250"),))
    for transport in TransportError:
        if transport is not TransportError.STREAM_TOO_LONG:
            yield Reply(transport=transport)


def _all() -> list[Fault]:
    decoded = [fault for reply in _replies() if (fault := errors.decode(reply)) is not None]
    made = [errors.make(kind) for kind in Kind if kind not in _OF_OURS]
    known: dict[tuple[object, ...], Fault] = {}
    for fault in made + decoded:
        for delay_s in (*_DELAYS_S, fault.delay_s):
            each = replace(fault, delay_s=delay_s)
            if each.place is not Place.GATEWAY or each.kind in (Kind.ANSWER_TOO_LARGE, Kind.STALLED):
                known.setdefault((each.kind, each.verdict, delay_s, each.retries_max), each)
    return list(known.values())


FAULTS: Final[tuple[Fault, ...]] = tuple(_all())
"""Each kind and verdict that an attempt can fail with, with each delay."""

POOLS: Final[Mapping[str, Sequence[Fault]]] = MappingProxyType(
    {
        "any": FAULTS,
        "retry": tuple(fault for fault in FAULTS if fault.verdict is Verdict.RETRY and not fault.delay_s),
        "overload": tuple(
            fault
            for fault in FAULTS
            if fault.kind in (Kind.OVERLOADED, Kind.UNAVAILABLE, Kind.GATEWAY_TIMEOUT, Kind.SLOW_DOWN)
        ),
        "away": tuple(fault for fault in FAULTS if fault.verdict is Verdict.FAILOVER),
        "throttle": tuple(fault for fault in FAULTS if fault.verdict is Verdict.THROTTLE),
        "credential": tuple(fault for fault in FAULTS if fault.verdict in (Verdict.KEY, Verdict.QUOTA)),
        "request": tuple(fault for fault in FAULTS if fault.verdict is Verdict.FIX_REQUEST),
        "delayed": tuple(fault for fault in FAULTS if fault.delay_s),
    }
)
"""By what they ask for."""
