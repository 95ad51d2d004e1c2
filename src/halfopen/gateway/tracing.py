"""W3C trace context on its way through: what an upstream is told of the trace that a request belongs to."""

from halfopen.gateway.notes import Sender
from halfopen.model.trace import traceparent


def trace_lines(sender: Sender, own_part: float | None, request_id: str, attempt: int) -> bytes:
    """Header lines of one call. Empty: there is no trace.

    Args:
        sender: Who sends the request. A trace of its own goes on.
        own_part: Of the requests without one, the part whose traces are kept, 0 to 1. None: they have none.
        request_id: Ours.
        attempt: Number of the call, from 1.
    """
    if sender.trace:
        told = traceparent(request_id, attempt, sender.trace)
        if sender.trace_state:
            return f"traceparent: {told}\r\ntracestate: {sender.trace_state}\r\n".encode("ascii")
    elif own_part is not None:
        told = traceparent(request_id, attempt, part=own_part)
    else:
        return b""
    return f"traceparent: {told}\r\n".encode("ascii")
