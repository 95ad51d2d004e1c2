"""One event of a stream of the Responses API, decoded as deep as needed, and encoded.

Source: OpenAI's API reference, "Streaming events" of the Responses API.
"""

from typing import Any

import msgspec

ENDS = frozenset(("response.completed", "response.incomplete"))
"""Events with which an answer ends well."""


class Event(msgspec.Struct):
    """An event. Each type of it has some of these members; text that is none is not trusted."""

    type: str = ""
    sequence_number: Any = None
    output_index: Any = None
    content_index: Any = None
    summary_index: Any = None
    delta: Any = None
    text: Any = None
    refusal: Any = None
    arguments: Any = None
    annotation: Any = None
    logprobs: Any = None
    part: Any = None
    item: Any = None
    response: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()

    @property
    def delta_text(self) -> str:
        """The text that it adds."""
        return self.delta if isinstance(self.delta, str) else ""

    @property
    def item_value(self) -> dict[str, Any]:
        """The output item that it speaks of."""
        return self.item if isinstance(self.item, dict) else {}

    @property
    def place(self) -> int:
        """The place in the output that it speaks of."""
        return self.output_index if isinstance(self.output_index, int) else 0


_DECODER = msgspec.json.Decoder(Event)


def read_event(data: bytes) -> Event | None:
    """Decode the data of one event. None when it is no object or no JSON; nothing raises."""
    try:
        event = _DECODER.decode(data)
        if not data.isascii():
            data.decode()  # what the decoder skips may be no UTF-8, and the client would choke on it
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return event


def write_event(kind: str, sequence_number: int, fields: dict[str, Any]) -> bytes:
    """One event as OpenAI sends it, with its type as its name."""
    event = {"type": kind, "sequence_number": sequence_number, **fields}
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), msgspec.json.encode(event))
