"""The events by which output items are opened, filled and closed, in OpenAI's order.

Reasoning is told as a summary: see `chat_to_responses`.
"""

from collections.abc import Mapping
from typing import Any

from halfopen.providers.clients.responses.event import write_event
from halfopen.providers.clients.responses.observed_output import ObservedOutput
from halfopen.providers.clients.responses.output_item import Item, Part

_EVENT_OF: Mapping[str, str] = {
    "output_text": "response.output_text",
    "refusal": "response.refusal",
    "reasoning_text": "response.reasoning_text",
    "summary_text": "response.reasoning_summary_text",
}


class ItemEvents:
    """Changes the output and says so. Every method returns the events' bytes."""

    __slots__ = ("output",)

    def __init__(self, output: ObservedOutput) -> None:
        """`output` is what the client knows so far; its sequence goes on."""
        self.output = output

    def say(self, kind: str, fields: dict[str, Any]) -> bytes:
        """One event with the next number."""
        number = self.output.sequence_number
        self.output.sequence_number = number + 1
        return write_event(kind, number, fields)

    def open_item(self, item: Item) -> bytes:
        """Announce an item that was added to the output."""
        return self.say("response.output_item.added", {"output_index": item.index, "item": item.value})

    def open_part(self, item: Item, part: Part) -> bytes:
        """Add a part to an item and announce it."""
        is_summary = part.kind == "summary_text"
        (item.summary if is_summary else item.content).append(part)
        kind = "response.reasoning_summary_part.added" if is_summary else "response.content_part.added"
        return self.say(kind, _place(item, part) | {"part": part.value})

    def add_text(self, item: Item, part: Part, text: str, logprobs: list[dict[str, Any]]) -> bytes:
        """Add text to a part."""
        part.pieces.append(text)
        fields = _place(item, part) | {"delta": text}
        if part.kind == "output_text":
            part.logprobs += logprobs
            fields["logprobs"] = logprobs
        return self.say(f"{_EVENT_OF[part.kind]}.delta", fields)

    def add_annotation(self, item: Item, part: Part, annotation: dict[str, Any]) -> bytes:
        """Add a citation to a part."""
        known = part.value.get("annotations") or []
        part.value = part.value | {"annotations": [*known, annotation]}
        fields = {"annotation_index": len(known), "annotation": annotation}
        return self.say("response.output_text.annotation.added", _place(item, part) | fields)

    def add_arguments(self, item: Item, arguments: str) -> bytes:
        """Add to the arguments of a call."""
        item.pieces.append(arguments)
        fields = {"item_id": item.id, "output_index": item.index, "delta": arguments}
        return self.say("response.function_call_arguments.delta", fields)

    def close_part(self, item: Item, part: Part) -> bytes:
        """Say the whole of a part and close it; nothing when it is closed."""
        if not part.open:
            return b""
        part.open = False
        said, place = b"", _place(item, part)
        if not part.is_said and part.kind in _EVENT_OF:
            fields = place | {"refusal" if part.kind == "refusal" else "text": part.text}
            if part.kind == "output_text":
                fields["logprobs"] = part.whole().get("logprobs") or []
            said = self.say(f"{_EVENT_OF[part.kind]}.done", fields)
        is_summary = part.kind == "summary_text"
        kind = "response.reasoning_summary_part.done" if is_summary else "response.content_part.done"
        return said + self.say(kind, place | {"part": part.whole()})

    def close_item(self, item: Item, status: str) -> bytes:
        """Say the whole of an item and close it; nothing when it is closed."""
        if not item.open:
            return b""
        said = b"".join([self.close_part(item, part) for part in item.parts])
        if item.kind == "function_call" and not item.is_said:
            fields = {"item_id": item.id, "output_index": item.index, "arguments": item.arguments}
            said += self.say("response.function_call_arguments.done", fields)
        item.end(status)
        return said + self.say("response.output_item.done", {"output_index": item.index, "item": item.value})


def _place(item: Item, part: Part) -> dict[str, Any]:
    place: dict[str, Any] = {"item_id": item.id, "output_index": item.index}
    if part in item.summary:
        return place | {"summary_index": item.summary.index(part)}
    return place | {"content_index": item.content.index(part)}
