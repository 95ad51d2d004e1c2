"""Where in an answer a fault strikes, by name.

A fault has a place of its own: `before_headers`, `after_headers` or, in a stream, `after_content`.
The faults of the last kind can be put elsewhere: right after the headers (`after_headers`), before
the n-th event counted from 0 (`event:n`), in the first tool call (`in_call`), before the n-th event
of an answer that is a tool call (`call:n`), or before the finish (`finish`).
"""

from collections.abc import Iterator
from typing import Any

from halfopen.lab.exchange import LabRequest
from halfopen.lab.fault import LabFault, Phase, Scene, Stage
from halfopen.lab.server import make_vendor
from halfopen.lab.steps import Met, Send, Step

BEFORE_HEADERS, AFTER_HEADERS, AFTER_CONTENT = "before_headers", "after_headers", "after_content"
IN_CALL, FINISH = "in_call", "finish"
EVENTS = 20
"""The first events of a stream; all streams of the lab have more."""
CALL_EVENTS: tuple[int, ...] = (1, 2, 3, 5, 9, 14, 17, 19)
"""The events of a tool call's stream before which a fault strikes, where the stream has so many."""
CALL_EVENTS_GEMINI: tuple[int, ...] = (1, 2)
"""The same for Gemini, which sends each of two calls as one event."""
KINDS = (BEFORE_HEADERS, AFTER_HEADERS, "events", IN_CALL, FINISH)
"""What points are summed up as."""
_BODY = b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hello"}]%b}'


def kind(point: str) -> str:
    """One of `KINDS`."""
    if point == AFTER_CONTENT or point.startswith("event:"):
        return "events"
    return IN_CALL if point.startswith("call:") else point


def placing(point: str) -> dict[str, Any]:
    """The options that put a fault of a stream to a point; empty: it stays in its own place."""
    name, _, number = point.partition(":")
    if name in ("event", "call"):
        return {"at_event": int(number)}
    if point == AFTER_HEADERS:
        return {"at_event": 0}
    if point == IN_CALL:
        return {"in_call": True}
    return {"at_finish": True} if point == FINISH else {}


def natural(fault: LabFault, mode: str) -> str:
    """The fault's own place, found by letting it act on a good answer: nothing is sent anywhere."""
    if fault.phase is Phase.AFTER_CONTENT and mode == "stream":
        return AFTER_CONTENT
    if fault.stage is not Stage.REQUEST:
        return BEFORE_HEADERS
    vendor = make_vendor("openai")
    body = _BODY % (b',"stream":true' if mode == "stream" else b"")
    headers = (("authorization", "Bearer lab"), ("content-type", "application/json"))
    request = LabRequest("POST", "/v1/chat/completions", "", headers, body)
    nth = fault.requests_to_meet - 1
    scene = Scene(request, vendor.answer(request, "0", 0.0), vendor, "0", 0.0, dict(fault.options), nth, nth)
    sent = _sent(fault.act(scene))
    good = sent[9:12].startswith(b"2") and b"\r\n\r\n" in sent
    return AFTER_HEADERS if good else BEFORE_HEADERS


def _sent(steps: Iterator[Step]) -> bytes:
    """What is sent until the fault happens. Informational heads are left out."""
    sent = b""
    for step in steps:
        if isinstance(step, Met):
            break
        if isinstance(step, Send):
            sent += step.data
    while sent.startswith(b"HTTP/1.1 1"):
        sent = sent.partition(b"\r\n\r\n")[2]
    return sent
