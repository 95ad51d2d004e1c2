"""Small readers of every dialect's stream, written against the vendors' documentation.

They share nothing with the product. They read what a client gets, and what a vendor was recorded to
send, and note whatever breaks the dialect's rules: a second end, something after the end, a block
that was never opened, a call that is no JSON, half an event.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

DONE, ERROR = "done", "error"
_BARE_ERROR = re.compile(rb'(?:\A|\n\r?\n)(\{"error":[^\r\n]*)\r\n\Z')
_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r")


@dataclass
class Reading:
    """What a reader made of a stream."""

    texts: dict[int, str] = field(default_factory=dict)
    """By choice or candidate."""
    reasoning: str = ""
    refusal: str = ""
    calls: list[list[str]] = field(default_factory=list)
    """Name and arguments of each tool call."""
    finishes: dict[int, str] = field(default_factory=dict)
    terminal: str = ""
    """done, error, or nothing at all."""
    problems: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Text of the first choice."""
        return self.texts.get(0, "")

    def say(self, index: int, text: str) -> None:
        """Add text to a choice. After its finish that is a problem."""
        if not text:
            return
        if index in self.finishes:
            self.problems.append("text after the finish")
        self.texts[index] = self.texts.get(index, "") + text

    def finish(self, index: int, reason: str) -> None:
        """Note a choice's finish."""
        if index in self.finishes:
            self.problems.append(f"choice {index} finishes twice")
        self.finishes[index] = reason

    def end(self, how: str) -> None:
        """Note the one end."""
        if self.terminal:
            self.problems.append(f"a second terminal event: {how} after {self.terminal}")
        self.terminal = self.terminal or how
        if how == ERROR and self.finishes and set(self.finishes) >= set(self.texts):
            self.problems.append("an error after the finish")

    def whole_calls(self) -> list[tuple[str, str]]:
        """The calls with their arguments in one spelling; a call that is no JSON shows as half."""
        found = []
        for name, arguments in self.calls:
            try:
                found.append((name, json.dumps(json.loads(arguments or "{}"), sort_keys=True)))
            except ValueError:
                found.append((name, f"half: {arguments}"))
        return found


def blocks(body: bytes) -> tuple[list[tuple[int, int, int]], int]:
    """Where events lie: start, end of what is said, end with the blank line; and where the rest begins."""
    found, start = [], 0
    for blank in _BLANK_LINE.finditer(body):
        if body[start : blank.start()].strip():
            found.append((start, blank.start(), blank.end()))
            start = blank.end()
        else:
            start = blank.end()
    return found, start


def events(body: bytes, reading: Reading) -> list[tuple[str, str]]:
    """Name and data of each event; comments are left out."""
    places, rest = blocks(body)
    if body[rest:].strip():
        reading.problems.append(f"half an event at the end: {body[rest:][:60]!r}")
    found = []
    for start, said, _ in places:
        name, data = "", []
        try:
            lines = body[start:said].decode().splitlines()
        except UnicodeDecodeError:
            reading.problems.append("an event that is not UTF-8")
            continue
        for line in lines:
            if line.startswith("data:"):
                data.append(line[5:].removeprefix(" "))
            elif line.startswith("event:"):
                name = line[6:].strip()
            elif line and not line.startswith((":", "id:", "retry:")):
                reading.problems.append(f"a stray line: {line[:60]!r}")
        if data or name:
            found.append((name, "\n".join(data)))
    return found


def values(body: bytes, reading: Reading) -> list[tuple[str, Any]]:
    """Name and decoded data of each event, `[DONE]` as it is. What follows the end is a problem."""
    found: list[tuple[str, Any]] = []
    for name, data in events(body, reading):
        try:
            found.append((name, data if data == "[DONE]" else json.loads(data)))
        except ValueError:
            reading.problems.append(f"data that is no JSON: {data[:60]!r}")
    return found


def read_chat(body: bytes) -> Reading:
    """OpenAI's chat completion chunks."""
    reading, ids = Reading(), set()
    calls: dict[tuple[int, int], list[str]] = {}
    for _, value in values(body, reading):
        if reading.terminal:
            reading.problems.append("an event after the terminal event")
        if value == "[DONE]":
            reading.end(DONE)
            continue
        if value.get("error"):
            reading.end(ERROR)
            continue
        ids.add(value.get("id"))
        for choice in value.get("choices") or []:
            index, delta = choice.get("index", 0), choice.get("delta") or {}
            reading.texts.setdefault(index, "")
            reading.say(index, delta.get("content") or "")
            reading.refusal += delta.get("refusal") or ""
            reading.reasoning += delta.get("reasoning_content") or delta.get("reasoning") or ""
            for piece in delta.get("tool_calls") or []:
                call = calls.setdefault((index, piece["index"]), ["", ""])
                function = piece.get("function") or {}
                call[0] += function.get("name") or ""
                call[1] += function.get("arguments") or ""
            if choice.get("finish_reason"):
                reading.finish(index, choice["finish_reason"])
    if len(ids) > 1:
        reading.problems.append(f"{len(ids)} ids in one answer")
    reading.calls = [calls[place] for place in sorted(calls)]
    return _unfinished(reading)


def read_completions(body: bytes) -> Reading:
    """OpenAI's text completion chunks."""
    reading, ids = Reading(), set()
    for _, value in values(body, reading):
        if reading.terminal:
            reading.problems.append("an event after the terminal event")
        if value == "[DONE]":
            reading.end(DONE)
            continue
        if value.get("error"):
            reading.end(ERROR)
            continue
        ids.add(value.get("id"))
        for choice in value.get("choices") or []:
            index = choice.get("index", 0)
            reading.texts.setdefault(index, "")
            reading.say(index, choice.get("text") or "")
            if choice.get("finish_reason"):
                reading.finish(index, choice["finish_reason"])
    if len(ids) > 1:
        reading.problems.append(f"{len(ids)} ids in one answer")
    return _unfinished(reading)


def _unfinished(reading: Reading) -> Reading:
    """`[DONE]` without a finish reason for every choice is a truncated answer that looks whole."""
    if reading.terminal == DONE and (not reading.finishes or set(reading.texts) - set(reading.finishes)):
        reading.problems.append("[DONE] without a finish reason")
    return reading


class _Messages:
    """Follows one message of Anthropic's, event by event."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.begun = False
        self.block = -1
        """The open one."""
        self.blocks = 0
        self.calls: dict[int, list[str]] = {}

    def take(self, name: str, kind: str, value: dict[str, Any]) -> None:
        """One event."""
        if name != kind:
            self.reading.problems.append(f"an event {name} of the type {kind}")
        if not self.begun and kind not in ("message_start", "ping", "error"):
            self.reading.problems.append(f"{kind} before message_start")
        handle = getattr(self, f"on_{kind}", None)
        if handle is not None:
            handle(value)

    def on_error(self, value: dict[str, Any]) -> None:
        self.reading.end(ERROR)

    def on_message_start(self, value: dict[str, Any]) -> None:
        if self.begun:
            self.reading.problems.append("a second message_start")
        self.begun = True

    def on_content_block_start(self, value: dict[str, Any]) -> None:
        if self.block >= 0 or value["index"] != self.blocks:
            self.reading.problems.append(f"block {value['index']} begins out of order")
        self.block, self.blocks = value["index"], value["index"] + 1
        block = value["content_block"]
        if block["type"] == "tool_use":
            self.calls[self.block] = [block["name"], ""]
        self.reading.say(0, block.get("text") or "")

    def on_content_block_delta(self, value: dict[str, Any]) -> None:
        if value["index"] != self.block:
            self.reading.problems.append(f"a delta of block {value['index']}, which is not open")
        delta = value["delta"]
        self.reading.say(0, delta.get("text") or "")
        self.reading.reasoning += delta.get("thinking") or ""
        if self.block in self.calls:
            self.calls[self.block][1] += delta.get("partial_json") or ""

    def on_content_block_stop(self, value: dict[str, Any]) -> None:
        if value["index"] != self.block:
            self.reading.problems.append(f"block {value['index']} ends and is not open")
        self.block = -1

    def on_message_delta(self, value: dict[str, Any]) -> None:
        if self.block >= 0:
            self.reading.problems.append("message_delta with an open block")
        if value["delta"].get("stop_reason"):
            self.reading.finish(0, value["delta"]["stop_reason"])
            details = value["delta"].get("stop_details") or {}
            self.reading.refusal += details.get("explanation") or ""

    def on_message_stop(self, value: dict[str, Any]) -> None:
        if not self.reading.finishes:
            self.reading.problems.append("message_stop without a stop reason")
        self.reading.end(DONE)


def read_messages(body: bytes) -> Reading:
    """Anthropic's events."""
    reading = Reading()
    message = _Messages(reading)
    for name, value in values(body, reading):
        kind = value.get("type")
        if reading.terminal:
            reading.problems.append(f"{kind} after the terminal event")
        message.take(name, kind, value)
    # A call whose block was not closed is half, even if its arguments happen to be JSON.
    reading.calls = [
        [name, arguments if index != message.block else f"{arguments}…"]
        for index, (name, arguments) in message.calls.items()
    ]
    return reading


def read_generate(body: bytes) -> Reading:
    """Gemini's events (`alt=sse`). An error that ends a stream is a bare line of JSON, as Google writes it."""
    reading = Reading()
    bare = _BARE_ERROR.search(body)
    elements = [value for _, value in values(body[: bare.start(1)] if bare else body, reading)]
    if bare:
        try:
            elements.append(json.loads(bare[1]))
        except ValueError:
            reading.problems.append(f"an error that is no JSON: {bare[1][:60]!r}")
    return _candidates(reading, elements)


def read_generate_array(body: bytes) -> Reading:
    """Gemini's stream as one JSON array."""
    reading = Reading()
    if not body:
        return reading
    try:
        elements = json.loads(body)
    except ValueError:
        reading.problems.append(f"the array is not whole: {body[-60:]!r}")
        return reading
    return _candidates(reading, elements)


def _candidates(reading: Reading, elements: list[Any]) -> Reading:
    """A stream has no last event of its own: it is done when each candidate has its finishReason."""
    seen = set()
    for element in elements:
        if reading.terminal == ERROR:
            reading.problems.append("something after the error")
        if "error" in element:
            reading.end(ERROR)
            continue
        for candidate in element.get("candidates") or []:
            index = candidate.get("index", 0)
            seen.add(index)
            for part in (candidate.get("content") or {}).get("parts") or []:
                if part.get("thought"):
                    reading.reasoning += part.get("text") or ""
                elif "functionCall" in part:
                    if index in reading.finishes:
                        reading.problems.append("a call after the finish")
                    call = part["functionCall"]
                    reading.calls.append([call["name"], json.dumps(call.get("args") or {})])
                else:
                    reading.say(index, part.get("text") or "")
            if candidate.get("finishReason"):
                reading.finish(index, candidate["finishReason"])
    if not reading.terminal and seen and seen == set(reading.finishes):
        reading.terminal = DONE
    return reading


_DELTAS: Mapping[str, str] = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.function_call_arguments.delta": "arguments",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.reasoning_text.delta": "reasoning",
}
_WHOLES: Mapping[str, str] = {
    "response.output_text.done": "text",
    "response.refusal.done": "refusal",
    "response.function_call_arguments.done": "arguments",
}
"""What says again what the deltas said."""


class _Response:
    """Follows one response of OpenAI's, each event checked against those before it."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.number = -1
        self.said: dict[Any, str] = {}
        """By item, part and part of a summary."""
        self.items: dict[int, Any] = {}
        """None: open."""

    def take(self, kind: str, value: dict[str, Any]) -> None:
        """One event."""
        problems = self.reading.problems
        if value.get("sequence_number") != self.number + 1:
            problems.append(f"sequence number {value.get('sequence_number')} after {self.number}")
        self.number = value.get("sequence_number", self.number)
        place = (value.get("output_index"), value.get("content_index"), value.get("summary_index"))
        if kind in ("error", "response.failed"):
            self.reading.end(ERROR)
        elif kind in ("response.completed", "response.incomplete"):
            self._end(value["response"])
        elif kind == "response.output_item.added":
            if value["output_index"] != len(self.items):
                problems.append("an item that begins out of order")
            self.items[value["output_index"]] = None
        elif kind == "response.output_item.done":
            self.items[value["output_index"]] = value["item"]
        elif kind in _DELTAS:
            self._delta(_DELTAS[kind], place, value["delta"])
        elif kind in _WHOLES and self.said.get(place, "") != value[_WHOLES[kind]]:
            problems.append(f"{kind} is not what the deltas said")

    def _delta(self, what: str, place: Any, delta: str) -> None:
        if self.items.get(place[0], 0) is not None:
            self.reading.problems.append(f"a delta of {what} outside of an open item")
        self.said[place] = self.said.get(place, "") + delta
        if what == "text":
            self.reading.say(0, delta)
        elif what == "refusal":
            self.reading.refusal += delta
        elif what == "reasoning":
            self.reading.reasoning += delta

    def _end(self, response: dict[str, Any]) -> None:
        """The last event repeats the whole answer: it must be the one that was told in pieces."""
        reading = self.reading
        reading.finish(0, response["status"])
        reading.end(DONE)
        if any(item is None for item in self.items.values()):
            reading.problems.append("the response ends with an open item")
        if [item["id"] for item in response["output"]] != [
            each["id"] for each in self.items.values() if each
        ]:
            reading.problems.append("the response has other items than the stream")
        for index, item in enumerate(response["output"]):
            for part_index, part in enumerate(item["content"] if item["type"] == "message" else ()):
                told = self.said.get((index, part_index, None), "")
                if (part.get("text") or part.get("refusal") or "") != told:
                    reading.problems.append("the response has another text than the stream")

    def calls(self) -> list[list[str]]:
        """The calls; those whose item is open are half."""
        whole = [item for item in self.items.values() if item is not None and item["type"] == "function_call"]
        half = [
            place for place, item in self.items.items() if item is None and (place, None, None) in self.said
        ]
        return [
            *[[item["name"], item["arguments"]] for item in whole],
            *[["?", self.said[place, None, None] + "…"] for place in half],
        ]


def read_responses(body: bytes) -> Reading:
    """Events of OpenAI's Responses API."""
    reading = Reading()
    response = _Response(reading)
    for name, value in values(body, reading):
        kind = value.get("type")
        if reading.terminal:
            reading.problems.append(f"{kind} after the terminal event")
        if name != kind:
            reading.problems.append(f"an event {name} of the type {kind}")
        response.take(kind, value)
    reading.calls = response.calls()
    return reading


READERS: Mapping[str, Callable[[bytes], Reading]] = {
    "chat": read_chat,
    "responses": read_responses,
    "completions": read_completions,
    "messages": read_messages,
    "generate": read_generate,
    "generate array": read_generate_array,
}
"""By the client's dialect."""
