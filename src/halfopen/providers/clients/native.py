"""A stream that a client reads as the upstream sends it, judged by the upstream's own reader.

The reader that turns the stream into chunks sees every event first; what it makes of the event (its
kind, text, finish, fault) goes with the event's own bytes, which the client gets.
"""

from collections.abc import Mapping

from halfopen.http1.sse_event import SseEvent
from halfopen.model import Usage
from halfopen.providers.contract import Form, StreamEvent, StreamKind, StreamReader
from halfopen.providers.event_reader import EventReader

_WEIGHT: Mapping[StreamKind, int] = {
    StreamKind.PING: 0,
    StreamKind.OPENING: 1,
    StreamKind.USAGE: 2,
    StreamKind.CONTENT: 3,
    StreamKind.FINISH: 4,
}
_ENDS = (StreamKind.DONE, StreamKind.FAULT)
_FORM_WEIGHT: Mapping[Form, int] = {
    Form.NONE: 0,
    Form.REASONING: 1,
    Form.TEXT: 2,
    Form.OTHER: 3,
    Form.CALL: 4,
}


class NativeReader(EventReader):
    """Reads one stream. Implements `StreamReader`."""

    __slots__ = ("_inner",)

    def __init__(self, inner: StreamReader) -> None:
        """`inner` reads the same stream into chunks. It must tell DONE or FAULT from what it is fed."""
        super().__init__()
        self._inner = inner

    def close(self) -> list[StreamEvent]:
        """The body ended cleanly. Ends with DONE or FAULT unless either was returned before."""
        if self._ended:
            return []
        # A last event may lack its blank line. It gets one, or the inner reader would tell of it only at
        # its own close, apart from the bytes.
        events = self._read_all(self._parser.last())
        if events and events[-1].kind in _ENDS:
            return events
        tail = self._parser.tail
        meant = (self._inner.feed(tail) if tail else []) + self._inner.close()
        return [*events, *self._together(b"", meant)]

    def _read_all(self, parsed: list[SseEvent]) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        for event in parsed:
            # An event that ends in CR might go on with LF: here it does not.
            raw = event.raw + b"\n" if event.raw.endswith(b"\r") else event.raw
            events += self._together(event.raw, self._inner.feed(raw))
            if self._ended:
                break
        return events

    def _together(self, raw: bytes, meant: list[StreamEvent]) -> list[StreamEvent]:
        """One event of the upstream with all that it means; an end comes after it, alone."""
        last = meant[-1] if meant and meant[-1].kind in _ENDS else None
        self._ended = last is not None
        body = meant[:-1] if last is not None else meant
        if last is not None and last.kind is StreamKind.FAULT:
            # What the event said before it was found to be bad is not passed on.
            return [last]
        events = [_merged(raw, body)] if raw or body else []
        return events if last is None else [*events, last]


def _merged(raw: bytes, meant: list[StreamEvent]) -> StreamEvent:
    kind, form, usage, reason = StreamKind.OPENING if not meant else StreamKind.PING, Form.NONE, None, None
    for event in meant:
        kind = max(kind, event.kind, key=_WEIGHT.__getitem__)
        form = max(form, event.form, key=_FORM_WEIGHT.__getitem__)
        usage = _latest(usage, event.usage)
        reason = event.finish_reason or reason
    return StreamEvent(
        kind,
        b"".join(event.data for event in meant),
        sum(event.chars for event in meant),
        usage=usage,
        finish_reason=reason,
        form=form,
        text="".join(event.text for event in meant) if form is Form.TEXT else "",
        native=raw,
    )


def _latest(usage: Usage | None, later: Usage | None) -> Usage | None:
    return usage if later is None else later
