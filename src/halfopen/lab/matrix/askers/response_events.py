"""The order of a response's stream events: numbers, items, parts, and one end."""

from typing import Any

from halfopen.lab.matrix.askers.typed import wrong_type
from halfopen.lab.matrix.seen import Seen, SeenCall

ENDS = ("response.completed", "response.incomplete", "response.failed", "error")


class ResponseEvents:
    """Notes events, and what is wrong with their order."""

    def __init__(self, seen: Seen) -> None:
        """`seen` gets the text, the calls and what is odd."""
        self.response: Any = None
        """Of the event that ended the stream well."""
        self.failure: tuple[str, str | None] | None = None
        """Message and code of the event that ended it with an error."""
        self._seen = seen
        self._number: int | None = None
        self._id: str | None = None
        self._items: list[Any] = []
        self._done: set[int] = set()
        self._parts: dict[tuple[int, int], str] = {}
        """The text of each part of a message so far."""
        self._parts_done: set[tuple[int, int]] = set()
        self._arguments: dict[int, str] = {}
        self._ended = False

    def event(self, event: Any) -> None:
        """Note one event."""
        seen = self._seen
        if self._ended:
            seen.odd(f"{event.type} after the end")
        number = getattr(event, "sequence_number", None)
        if number is None or number != (0 if self._number is None else self._number + 1):
            seen.odd(f"sequence number {number} after {self._number}")
        if self._number is None and event.type not in ("response.created", "error"):
            seen.odd(f"{event.type} before response.created")
        self._number = number
        if event.type in ENDS:
            self._end(event)
        else:
            name = event.type.removeprefix("response.").replace(".", "_")
            step = getattr(self, f"_on_{name}", None)
            if step is None:
                seen.odd(f"an event of the type {event.type}")
            else:
                step(event)
        if (wrong := wrong_type(event)) is not None:
            seen.odd(wrong)

    def _same_id(self, response: Any) -> None:
        if self._id not in (None, response.id):
            self._seen.odd("responses with different ids")
        self._id = response.id

    def _end(self, event: Any) -> None:
        self._ended = True
        if event.type == "error":
            self.failure = (event.message, event.code)
            return
        self._same_id(event.response)
        if event.type == "response.failed":
            error = event.response.error
            self.failure = ("", None) if error is None else (error.message, error.code)
            if error is None or event.response.status != "failed":
                self._seen.odd("response.failed without an error and the status failed")
            return
        self.response = event.response
        open_items = set(range(len(self._items))) - self._done
        if open_items:
            self._seen.odd(f"{event.type} while item {min(open_items)} is open")

    def _on_created(self, event: Any) -> None:
        if self._id is not None:
            self._seen.odd("a second response.created")
        self._same_id(event.response)

    def _on_in_progress(self, event: Any) -> None:
        self._same_id(event.response)

    _on_queued = _on_in_progress

    def _on_output_item_added(self, event: Any) -> None:
        if event.output_index != len(self._items):
            self._seen.odd(f"item {len(self._items)} has the number {event.output_index}")
        if event.item.type not in ("message", "function_call"):
            self._seen.odd(f"an output item of the type {event.item.type}")
        self._items.append(event.item)

    def _item(self, event: Any) -> Any:
        """The open item that an event belongs to; None: there is none."""
        place = event.output_index
        if place >= len(self._items) or place in self._done:
            self._seen.odd(f"{event.type} for item {place}, which is not open")
            return None
        if event.item_id != self._items[place].id:
            self._seen.odd(f"{event.type} with the id of another item")
        return self._items[place]

    def _on_content_part_added(self, event: Any) -> None:
        place = (event.output_index, event.content_index)
        item = self._item(event)
        count = sum(1 for output_index, _ in self._parts if output_index == event.output_index)
        if item is None or event.content_index != count:
            self._seen.odd(f"part {count} has the number {event.content_index}")
        self._parts[place] = getattr(event.part, "text", "") or ""

    def _open_part(self, event: Any) -> tuple[int, int] | None:
        place = (event.output_index, event.content_index)
        if self._item(event) is None or place not in self._parts or place in self._parts_done:
            self._seen.odd(f"{event.type} for part {place}, which is not open")
            return None
        return place

    def _on_output_text_delta(self, event: Any) -> None:
        self._seen.text += event.delta
        place = self._open_part(event)
        if place is not None:
            self._parts[place] += event.delta

    def _on_output_text_done(self, event: Any) -> None:
        place = self._open_part(event)
        if place is not None and event.text != self._parts[place]:
            self._seen.odd("response.output_text.done has another text than its deltas")

    def _on_content_part_done(self, event: Any) -> None:
        place = self._open_part(event)
        if place is None:
            return
        if event.part.type == "output_text" and event.part.text != self._parts[place]:
            self._seen.odd("response.content_part.done has another text than its deltas")
        self._parts_done.add(place)

    def _on_function_call_arguments_delta(self, event: Any) -> None:
        if self._item(event) is not None:
            place = event.output_index
            self._arguments[place] = self._arguments.get(place, "") + event.delta

    def _on_function_call_arguments_done(self, event: Any) -> None:
        if self._item(event) is not None and event.arguments != self._arguments.get(event.output_index, ""):
            self._seen.odd("response.function_call_arguments.done has others than its deltas")

    def _on_output_item_done(self, event: Any) -> None:
        place, item = event.output_index, event.item
        if place >= len(self._items) or place in self._done or item.id != self._items[place].id:
            self._seen.odd(f"{event.type} for item {place}, which is not open or has another id")
            return
        self._done.add(place)
        if item.type == "function_call":
            if item.arguments != self._arguments.get(place, ""):
                self._seen.odd("an item's arguments are others than its deltas")
            self._seen.calls.append(SeenCall(item.name, item.arguments, item.call_id))
        elif item.type == "message":
            open_parts = {each for each in self._parts if each[0] == place} - self._parts_done
            text = "".join(getattr(part, "text", "") for part in item.content)
            said = "".join(text for each, text in self._parts.items() if each[0] == place)
            if open_parts or text != said:
                self._seen.odd("a message ends with open parts, or with another text than its deltas")
