"""What OpenAI itself has told the client of an answer, so that another provider can go on in it.

The events pass as they came; here they are read along. Nothing that they hold raises.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from halfopen.providers.ask import plain_value
from halfopen.providers.clients.responses.event import ENDS, Event
from halfopen.providers.clients.responses.output_item import Item, Part

_TEXT_DELTAS: Mapping[str, bool] = {
    "response.output_text.delta": False,
    "response.refusal.delta": False,
    "response.reasoning_text.delta": False,
    "response.reasoning_summary_text.delta": True,
}
"""Events that add text to a part, and whether it is one of a summary."""
_TEXT_DONE: Mapping[str, bool] = {kind.replace(".delta", ".done"): of for kind, of in _TEXT_DELTAS.items()}
_PART_EVENTS: Mapping[str, bool] = {
    "response.content_part.added": False,
    "response.content_part.done": False,
    "response.reasoning_summary_part.added": True,
    "response.reasoning_summary_part.done": True,
}
_LIFECYCLE = frozenset(("response.created", "response.in_progress", "response.queued"))


class ObservedOutput:
    """The response and its output items as far as they are known to the client."""

    __slots__ = ("is_over", "items", "response", "sequence_number")

    def __init__(self) -> None:
        self.response: dict[str, Any] | None = None
        """The response as it was when it began; None: it has not."""
        self.items: dict[int, Item] = {}
        """The output items by their place."""
        self.sequence_number = 0
        """The number of the next event."""
        self.is_over = False
        """Whether the upstream's own last event was among those read."""

    def add(self, value: dict[str, Any]) -> Item:
        """Add an item in the next place."""
        index = max(self.items, default=-1) + 1
        item = self.items[index] = Item(index, value)
        return item

    def whole(self, status: str) -> list[dict[str, Any]]:
        """All items in their order; those that are open have the status."""
        return [self.items[index].whole(status) for index in sorted(self.items)]

    def read(self, event: Event) -> None:
        """Take note of one event."""
        number = event.sequence_number
        self.sequence_number = max(self.sequence_number, number if isinstance(number, int) else 0) + 1
        kind = event.type
        if kind in ENDS:
            self.is_over = True
        elif kind in _LIFECYCLE:
            self._begin(event)
        elif kind == "response.output_item.added":
            self.items[event.place] = Item(event.place, event.item_value)
        elif kind == "response.output_item.done":
            self.items.setdefault(event.place, Item(event.place, event.item_value)).replace(event.item_value)
        elif event.place in self.items:
            _fill(self.items[event.place], event)

    def _begin(self, event: Event) -> None:
        try:
            response = plain_value(event.response)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
            return
        if isinstance(response, dict) and (
            self.response is None or response.get("id") == self.response.get("id")
        ):
            self.response = response


def _fill(item: Item, event: Event) -> None:
    kind = event.type
    if kind in _TEXT_DELTAS:
        part = _part(item, event, of_summary=_TEXT_DELTAS[kind])
        if part is not None:
            part.pieces.append(event.delta_text)
            if isinstance(event.logprobs, list):
                part.logprobs += event.logprobs
    elif kind in _TEXT_DONE:
        part = _part(item, event, of_summary=_TEXT_DONE[kind])
        if part is not None:
            part.is_said = True
    elif kind in _PART_EVENTS:
        _take_part(item, event, of_summary=_PART_EVENTS[kind])
    elif kind == "response.output_text.annotation.added":
        part = _part(item, event, of_summary=False)
        if part is not None:
            part.value = part.value | {
                "annotations": [*(part.value.get("annotations") or ()), event.annotation]
            }
    elif kind == "response.function_call_arguments.delta":
        item.pieces.append(event.delta_text)
    elif kind == "response.function_call_arguments.done":
        item.is_said = True


def _part(item: Item, event: Event, *, of_summary: bool) -> Part | None:
    parts = item.summary if of_summary else item.content
    index = event.summary_index if of_summary else event.content_index
    return parts[index] if isinstance(index, int) and 0 <= index < len(parts) else None


def _take_part(item: Item, event: Event, *, of_summary: bool) -> None:
    value = event.part if isinstance(event.part, dict) else {}
    part = _part(item, event, of_summary=of_summary)
    if not event.type.endswith(".done"):
        (item.summary if of_summary else item.content).append(Part(value))
    elif part is not None:
        part.value, part.pieces, part.logprobs, part.open = value, [], [], False
