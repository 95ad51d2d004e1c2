"""Recorded streams: what each says, and from which byte on it has said that it is whole.

The finish evidence, by the vendors' documentation:

| stream | evidence |
|---|---|
| openai chat, openai completions | a `finish_reason` for every choice |
| openai responses | `response.completed` or `response.incomplete` |
| anthropic | `message_stop` |
| gemini | a `finishReason` for every candidate |

`said_at` is the byte after the last character of the event that completes the evidence: with fewer
bytes no success is right. `certain_at` is the byte after that event's blank line. Between the two (two
bytes, with CRLF four) either is right: servers leave the last blank line out, and the standard says
that such an event does not count. Behind `certain_at` whatever comes must be whole events: half an
event after the evidence is a tail that can't be parsed, and either a success or an error is right.
"""

import json
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cut_reading import READERS, Reading, blocks

STREAMS = Path(__file__).parent / "streams"
FAILING = ("error", "blocked", "malformed")
"""Words in the name of a recording that ends in a fault."""
FRESH = "This is another answer, all of it."
"""What the second upstream says where the recording has no text that could be gone on with."""
REST = " … here comes what was missing."
"""What it adds to a text that does not end as texts do."""
SECOND_CALLS = (("book_table", '{"at": "noon", "seats": 2}'), ("get_time", '{"zone": "CET"}'))
_READER = {
    "openai chat": "chat",
    "openai responses": "responses",
    "openai completions": "completions",
    "anthropic": "messages",
    "gemini": "generate",
}


@dataclass(frozen=True)
class Mark:
    """One event's place, and all that was said up to its end."""

    said: int
    end: int
    reading: Reading


@dataclass(frozen=True, eq=False)
class Recording:
    """One recorded stream."""

    name: str
    vendor: str
    """openai chat, openai responses, openai completions, anthropic or gemini."""
    raw: bytes
    marks: tuple[Mark, ...]
    said_at: int | None
    """None: it never has evidence."""
    certain_at: int | None

    @property
    def whole(self) -> Reading:
        """All that it says."""
        return self.marks[-1].reading

    @property
    def choices(self) -> int:
        """How many answers it has to one request."""
        return max(1, len(self.whole.texts))

    @property
    def calls(self) -> list[tuple[str, str]]:
        """Its tool calls."""
        return self.whole.whole_calls()

    @property
    def fails(self) -> bool:
        """Whether it ends in a fault."""
        return self.said_at is None

    def least(self, size: int) -> Reading:
        """What `size` bytes say for certain: their whole events."""
        return self._read(bisect_right([mark.end for mark in self.marks], size))

    def most(self, size: int) -> Reading:
        """What they say at most: also with an event whose blank line is missing."""
        return self._read(bisect_right([mark.said for mark in self.marks], size))

    def _read(self, count: int) -> Reading:
        return self.marks[count - 1].reading if count else Reading()

    def has_whole_tail(self, size: int) -> bool:
        """Whether these bytes end where an event ends."""
        return any(mark.end == size for mark in self.marks)

    @property
    def continued_text(self) -> str:
        """The whole text when another upstream must help: its own, or the recording's and perhaps more.

        Who is asked to go on with a text that does not end as texts do must add something: nothing at
        all would rightly be taken for a failure.
        """
        text = self.whole.text
        if self.choices > 1 or not (text or self.calls):
            return FRESH
        return text if not text or text[-1] in ".!?" else text + REST


def _evidence(vendor: str, body: bytes, marks: tuple[Mark, ...]) -> tuple[int, int] | None:
    """Where the evidence is complete."""
    whole = marks[-1].reading
    for mark in marks:
        event = body[: mark.said]
        if vendor == "anthropic":
            found = b'"type":"message_stop"' in event
        elif vendor == "openai responses":
            found = b'"type":"response.completed"' in event or b'"type":"response.incomplete"' in event
        else:
            found = bool(whole.finishes) and set(mark.reading.finishes) == set(whole.finishes)
        if found:
            return mark.said, mark.end
    return None


def _recorded(path: Path) -> Recording:
    raw = path.read_bytes()
    folder = path.parent.name
    vendor = f"openai {folder}" if folder != STREAMS.name else path.stem.partition("_")[0]
    vendor = "openai chat" if vendor == "openai" else vendor
    read = READERS[_READER[vendor]]
    places, rest = blocks(raw)
    if raw[rest:].strip():
        places.append((rest, len(raw.rstrip()), len(raw)))
    marks = tuple(Mark(said, end, read(raw[:end])) for _, said, end in places)
    fails = any(word in path.stem for word in FAILING)
    evidence = None if fails else _evidence(vendor, raw, marks)
    assert fails or evidence is not None, path
    said_at, certain_at = evidence or (None, None)
    name = path.stem if folder == STREAMS.name else f"{folder}/{path.stem}"
    return Recording(name, vendor, raw, marks, said_at, certain_at)


@cache
def recordings() -> tuple[Recording, ...]:
    """All of them."""
    return tuple(_recorded(path) for path in sorted(STREAMS.glob("**/*.txt")))


def request(client: str, recording: Recording, prompt: str) -> dict[str, Any]:
    """The request of a client, in its dialect, to which a recording is the answer."""
    tools = ["get_weather", "get_time", "book_table"] if recording.calls else []
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    message = {"role": "user", "content": prompt}
    several = recording.choices
    if client == "chat":
        body: dict[str, Any] = {"model": "m", "messages": [message], "stream": True}
        body["stream_options"] = {"include_usage": len(recording.name) % 2 == 0}
        functions = [{"name": name, "parameters": schema} for name in tools]
        return body | _given(
            tools=[{"type": "function", "function": each} for each in functions], n=several - 1 and several
        )
    if client == "completions":
        return {"model": "m", "prompt": prompt, "stream": True, "max_tokens": 500} | _given(
            n=several - 1 and several
        )
    if client == "responses":
        functions = [{"type": "function", "name": name, "parameters": schema} for name in tools]
        return {"model": "m", "input": prompt, "stream": True} | _given(tools=functions)
    if client == "messages":
        functions = [{"name": name, "input_schema": schema} for name in tools]
        return {"model": "m", "max_tokens": 500, "messages": [message], "stream": True} | _given(
            tools=functions
        )
    declared = [{"name": name, "parameters": schema} for name in tools]
    config = _given(candidateCount=several - 1 and several)
    return {"contents": [{"role": "user", "parts": [{"text": prompt}]}]} | _given(
        tools=declared and [{"functionDeclarations": declared}], generationConfig=config
    )


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def encoded(body: dict[str, Any]) -> bytes:
    """A request's bytes."""
    return json.dumps(body).encode()
