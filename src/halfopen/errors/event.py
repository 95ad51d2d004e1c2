"""Finds the error in one server-sent event.

A stream's status is 200 before anything is known, so an event is judged by its words alone.
"""

from dataclasses import replace

from halfopen.errors.conclude import Case, conclude
from halfopen.errors.finding import Finding, Weight
from halfopen.errors.json_body import JSON_MAX_BYTES, NoJson, decode_json
from halfopen.errors.make import make
from halfopen.errors.success import blocked, error_node
from halfopen.errors.unwrap import Unwrapper
from halfopen.model import Fault, Kind

_STREAM_STATUS = 200
_EVENTS_MAX = 10_000


def decode_event(data: bytes, event: str = "", dialect: str | None = None) -> Fault | None:
    """Return the fault that one event of a stream carries; None: it carries none.

    Message, evidence and body are as they came: `redact.fault()` masks secrets at the edge.

    Args:
        data: The event's data.
        event: Its name; empty: it has none.
        dialect: openai, anthropic or gemini, for the evidence; the shape decides.
    """
    named = event == "error"
    # Inside a JSON string the quotes are escaped, so text about an "error" does not get past this.
    if not named and b'"error"' not in data and b'"blockReason"' not in data:
        return None
    value = decode_json(data) if len(data) <= JSON_MAX_BYTES else NoJson.OTHER
    node = error_node(value)
    if node is None:
        finding = blocked(value)
        if finding is not None:
            return make(finding.kind, status=_STREAM_STATUS, evidence=(finding.fact,), body=data)
        if not named:
            return None
    unwrapper = Unwrapper(trust_text=True)
    if node is not None:
        unwrapper.error(node, value)
    elif isinstance(value, NoJson):
        unwrapper.text(data[:JSON_MAX_BYTES].decode("utf-8", "replace"), "event")
    else:
        unwrapper.value(value, "event")
    fact = "an error event" + (f" of a stream in the {dialect} dialect" if dialect else "")
    fallback = Finding(Kind.ERROR_EVENT, Weight.VAGUE, fact)
    return conclude(Case(_STREAM_STATUS, data, unwrapper.reports, [fallback]))


def read_stream(body: bytes, dialect: str | None, status: int) -> Fault | None:
    """Return the first fault in a whole saved stream; None: none of its events carries one.

    `status` is the stream's own: 200, or another of the 2xx.
    """
    if not body.strip():
        fact = "the stream is empty"
        return make(Kind.EMPTY_ANSWER, status=status, evidence=(fact,), body=body)
    name = ""
    for line in body.splitlines()[:_EVENTS_MAX]:
        if line.startswith(b"event:"):
            name = line[6:].strip().decode("utf-8", "replace")
            continue
        data = line[5:].strip() if line.startswith(b"data:") else line if line[:1] in b"{[" else b""
        if data and (fault := decode_event(data, name, dialect)) is not None:
            return replace(fault, status=status)
        if not line:
            name = ""
    return None
