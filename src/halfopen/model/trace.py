"""W3C trace context of a request. Its ids are made of the request's id: the outcome leads to them.

Source: W3C Trace Context, levels 1 and 2. What is sampled: OpenTelemetry's consistent probability sampling.
"""

import re
from hashlib import blake2b
from typing import Final, NamedTuple

_FORM: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_MAX_CHARS: Final = 128
_NEVER: Final = "ff"
_FIRST: Final = "00"
_SAMPLED: Final = 1
_RANDOM: Final = 2
_RANDOM_CHARS: Final = 14
_RANDOM_END: Final = 1 << 56
_NOT_ZERO: Final = 0x80


class Context(NamedTuple):
    """What a `traceparent` says."""

    trace_id: str
    """32 hexadecimal digits."""
    parent_id: str
    """Of the caller's span. 16 hexadecimal digits."""
    flags: int
    """As far as level 2 defines them."""

    @property
    def sampled(self) -> bool:
        """Whether the caller keeps its part of the trace."""
        return bool(self.flags & _SAMPLED)


def context_of(traceparent: str) -> Context | None:
    """What a `traceparent` says; None: it is none. One of a later version is read as far as it is known."""
    found = _FORM.fullmatch(traceparent) if len(traceparent) <= _MAX_CHARS else None
    if found is None:
        return None
    version, trace_id, parent_id, flags, more = found.groups()
    if version == _NEVER or (version == _FIRST and more is not None):
        return None
    if not trace_id.strip("0") or not parent_id.strip("0"):
        return None
    return Context(trace_id, parent_id, int(flags, 16) & (_SAMPLED | _RANDOM))


def trace_id(request_id: str, sent: str = "") -> str:
    """The id of a request's trace: that of the `traceparent` that was sent with it, else one of its own.

    32 hexadecimal digits.
    """
    context = context_of(sent) if sent else None
    return _id(request_id, b"trace", 16) if context is None else context.trace_id


def span_id(request_id: str, attempt: int = 0) -> str:
    """The id of the span of an attempt, by its number from 1; 0: of the request itself.

    16 hexadecimal digits.
    """
    return _id(f"{request_id} {attempt}", b"span", 8)


def traceparent(request_id: str, attempt: int, sent: str = "", *, part: float = 1.0) -> str:
    """What an attempt, by its number from 1, tells its upstream.

    Args:
        request_id: Of the request.
        attempt: Its number.
        sent: The `traceparent` that came with the request, if it is one. Its flags are passed on.
        part: Of the traces that begin here, those that are kept. 0 to 1.
    """
    context = context_of(sent) if sent else None
    if context is not None:
        return f"00-{context.trace_id}-{span_id(request_id, attempt)}-{context.flags:02x}"
    own = trace_id(request_id)
    return f"00-{own}-{span_id(request_id, attempt)}-{_SAMPLED if is_sampled(own, part) else 0:02x}"


def is_sampled(trace_id: str, part: float) -> bool:
    """Whether a trace is among this part of all traces, 0 to 1. Every process says the same of it."""
    return int(trace_id[-_RANDOM_CHARS:], 16) >= (1.0 - part) * _RANDOM_END


def _id(of: str, purpose: bytes, size_bytes: int) -> str:
    digest = bytearray(blake2b(of.encode(), digest_size=size_bytes, person=purpose).digest())
    digest[0] |= _NOT_ZERO  # an id of zeros only is none
    return digest.hex()
