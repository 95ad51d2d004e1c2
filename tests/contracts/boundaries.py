"""Recorded streams in random pieces, as they came and spoiled. `properties.py` prints the figures.

Promises, for every reader of every dialect:

1. **pieces**: the same bytes in any pieces are the same events, in all their fields, the fault too.
2. **end**: no bytes raise; there is exactly one DONE or FAULT, the last event, and nothing after it.
3. **line ends and comments**: a stream says the same with LF, CRLF or CR, with a byte order mark, and
   with comments between its events.
4. **writers**: the same events give a client the same bytes, whatever the pieces were; and chunks that
   come together in one event give the same bytes as each in an event of its own.

An example is a function of a `random.Random`, so that hypothesis can shrink it and a seed replay it.
"""

import itertools
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from halfopen.http1.sse import EVENT_MAX_BYTES
from halfopen.lab.fuzz_stream import LINE_ENDS, SPOILERS, cut_places, harmless, whole_events
from halfopen.model import Capabilities, Fault, Target
from halfopen.providers import (
    CHAT,
    Chat,
    ClientDialect,
    ClientRequest,
    StreamEvent,
    StreamKind,
    StreamReader,
    dialect_of,
)
from halfopen.providers.catalogue import lookup
from halfopen.providers.clients.completions import COMPLETIONS
from halfopen.providers.clients.generate import GENERATE
from halfopen.providers.clients.messages import MESSAGES
from halfopen.providers.clients.responses import RESPONSES

STREAMS = Path(__file__).parent / "streams"
FAILING = ("error", "blocked", "malformed")
ENDS = (StreamKind.DONE, StreamKind.FAULT)
CREATED_S = 1_700_000_000
_GENERATE_PATH = "/v1beta/models/m:streamGenerateContent"
_QUESTION = [{"role": "user", "content": "Hi"}]
_CHAT_BODY: Mapping[str, Any] = {
    "model": "m",
    "messages": _QUESTION,
    "stream": True,
    "stream_options": {"include_usage": True},
}


@dataclass(frozen=True)
class Client:
    """A client's dialect, and its plainest streamed request."""

    name: str
    dialect: ClientDialect
    path: str
    body: Mapping[str, Any]
    query: Mapping[str, str]

    def chat(self, choices: int) -> Chat:
        """The request as a chat."""
        body = dict(self.body)
        if choices > 1 and self.name in ("chat", "chat without usage", "completions"):
            body["n"] = choices
        if choices > 1 and self.dialect is GENERATE:
            body["generationConfig"] = {"candidateCount": choices}
        parsed = self.dialect.parse(ClientRequest(self.path, self.query, {}, json.dumps(body).encode()))
        assert isinstance(parsed, Chat), parsed
        return parsed


CLIENTS: Mapping[str, Client] = {
    each.name: each
    for each in (
        Client("chat", CHAT, "/v1/chat/completions", _CHAT_BODY, {}),
        Client(
            "chat without usage",
            CHAT,
            "/v1/chat/completions",
            {"model": "m", "messages": _QUESTION, "stream": True},
            {},
        ),
        Client("responses", RESPONSES, "/v1/responses", {"model": "m", "input": "Hi", "stream": True}, {}),
        Client(
            "completions", COMPLETIONS, "/v1/completions", {"model": "m", "prompt": "Hi", "stream": True}, {}
        ),
        Client(
            "messages",
            MESSAGES,
            "/v1/messages",
            {"model": "m", "max_tokens": 500, "messages": _QUESTION, "stream": True},
            {},
        ),
        Client(
            "generate",
            GENERATE,
            _GENERATE_PATH,
            {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
            {"alt": "sse"},
        ),
        Client(
            "generate array",
            GENERATE,
            _GENERATE_PATH,
            {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
            {},
        ),
    )
}
_MODELS: Mapping[str, tuple[str, str | None, str]] = {
    "openai": ("openai", None, "gpt-4o-mini"),
    "openai completions": ("openai", None, "gpt-3.5-turbo-instruct"),
    "vllm": ("openai", "vllm", "some-model"),
    "azure": ("openai", "azure", "gpt-4o-mini"),
    "mistral": ("openai", "mistral", "mistral-small-latest"),
    "anthropic": ("anthropic", None, "claude-haiku-4-5"),
    "gemini": ("gemini", None, "gemini-2.5-flash"),
}


@dataclass(frozen=True)
class Pair:
    """A client, and a provider that answers it with one kind of stream."""

    client: str
    provider: str
    streams: str
    """Which recordings its upstream sends: the beginning of their names."""

    @property
    def name(self) -> str:
        """For ids and figures."""
        return f"{self.client} from {self.provider}"

    @property
    def is_translated(self) -> bool:
        """Whether the client gets none of the upstream's own bytes."""
        native = {"openai_": "chat", "anthropic_": "messages", "gemini_": "generate"}
        own = native.get(self.streams, self.streams.rstrip("/"))
        return not self.client.startswith(own)

    def reader(self, chat: Chat) -> StreamReader:
        """A new reader, as the gateway would make it for an attempt."""
        dialect_name, flavour, model = _MODELS[self.provider]
        dialect = dialect_of(dialect_name, flavour)
        known = lookup(dialect_name, model) if flavour is None else (Capabilities(), None)
        target = Target(self.provider, model, dialect_name, *known)
        translation = CLIENTS[self.client].dialect.translation(dialect, target)
        return translation.reader(chat, target, created_s=CREATED_S)


PAIRS = (
    Pair("chat", "openai", "openai_"),
    Pair("chat without usage", "openai", "openai_"),
    Pair("chat", "vllm", "openai_"),
    Pair("chat", "azure", "openai_"),
    Pair("chat", "anthropic", "anthropic_"),
    Pair("chat", "gemini", "gemini_"),
    Pair("responses", "openai", "responses/"),
    Pair("responses", "azure", "responses/"),
    Pair("responses", "vllm", "openai_"),
    Pair("responses", "anthropic", "anthropic_"),
    Pair("responses", "gemini", "gemini_"),
    Pair("completions", "openai completions", "completions/"),
    Pair("completions", "vllm", "completions/"),
    Pair("completions", "openai", "openai_"),
    Pair("completions", "anthropic", "anthropic_"),
    Pair("completions", "gemini", "gemini_"),
    Pair("messages", "anthropic", "anthropic_"),
    Pair("messages", "openai", "openai_"),
    Pair("messages", "mistral", "openai_"),
    Pair("messages", "gemini", "gemini_"),
    Pair("generate", "gemini", "gemini_"),
    Pair("generate array", "gemini", "gemini_"),
    Pair("generate", "openai", "openai_"),
    Pair("generate array", "openai", "openai_"),
    Pair("generate", "anthropic", "anthropic_"),
)


@cache
def recordings() -> Mapping[str, bytes]:
    """Every recording by its name below `streams`."""
    return {
        str(path.relative_to(STREAMS).with_suffix("")): path.read_bytes()
        for path in sorted(STREAMS.glob("**/*.txt"))
    }


def choices_in(name: str) -> int:
    """How many choices the request had that a recording answers."""
    return 2 if "two_choices" in name else 1


@dataclass(frozen=True)
class Example:
    """One stream for one pair, and the pieces in which it comes."""

    pair: Pair
    recording: str
    raw: bytes
    spoiled: tuple[str, ...]
    """What was done to the recording."""
    cuts: tuple[int, ...]
    """Where the pieces end, in order; one place may come twice: an empty piece."""

    @property
    def pieces(self) -> list[bytes]:
        """The stream in its pieces."""
        places = [0, *self.cuts, len(self.raw)]
        return [self.raw[start:end] for start, end in itertools.pairwise(places)]

    @property
    def chat(self) -> Chat:
        """The request that it answers."""
        return CLIENTS[self.pair.client].chat(choices_in(self.recording))

    def __str__(self) -> str:
        return f"{self.pair.name}, {self.recording}, {self.spoiled}, cut at {self.cuts[:12]}: {self.raw!r}"


# Making examples.


def make(rng: random.Random, pairs: tuple[Pair, ...] = PAIRS) -> Example:
    """An example: half of them with a stream as it was recorded, but for its line ends."""
    pair = rng.choice(pairs)
    names = [name for name in recordings() if name.startswith(pair.streams)]
    if rng.random() < 0.03:
        names = list(recordings())  # another vendor's stream: nothing good, and nothing raises
    name = rng.choice(names)
    raw, spoiled = recordings()[name], []
    count = rng.choice((0, 0, 0, 1, 1, 2, 4))
    for _ in range(count):
        how = rng.choice(tuple(SPOILERS))
        raw = SPOILERS[how](rng, raw)
        spoiled.append(how)
    ends = rng.choice(tuple(LINE_ENDS))
    if ends != "as they are":
        raw = LINE_ENDS[ends](rng, raw)
        spoiled.append(ends)
    return Example(pair, name, raw, tuple(spoiled), cut_places(rng, raw))


def oversized(rng: random.Random, raw: bytes) -> bytes:
    """A stream with an event that passes the bound somewhere in it."""
    events = whole_events(raw)
    place = rng.randrange(len(events) + 1)
    events.insert(place, b'data: {"x": "' + b"x" * EVENT_MAX_BYTES + b'"}\n\n')
    return b"".join(events)


# Reading and writing.


def read(pair: Pair, chat: Chat, pieces: list[bytes]) -> list[StreamEvent]:
    """All events of a stream that comes in these pieces. Raises AssertionError where the end is wrong."""
    reader = pair.reader(chat)
    events = [event for piece in pieces for event in reader.feed(piece)]
    events += reader.close()
    assert events, "no event at all"
    assert events[-1].kind in ENDS, f"the last event is {events[-1].kind.name}"
    ends = [event.kind.name for event in events if event.kind in ENDS]
    assert len(ends) == 1, f"ends: {ends}"
    assert (events[-1].fault is not None) is (events[-1].kind is StreamKind.FAULT), "a fault without FAULT"
    after = reader.feed(b"".join(pieces)) + reader.close()
    assert after == [], f"{len(after)} events after the end"
    return events


def written(client: str, chat: Chat, events: list[StreamEvent]) -> bytes:
    """What a client gets of a stream's events: the whole answer, or what there is of one that failed."""
    writer = CLIENTS[client].dialect.writer(chat, request_id="req-1", created_s=CREATED_S)
    said = b"".join(writer.write(event) for event in events if event.kind not in ENDS)
    return said + (writer.finish() if events[-1].kind is StreamKind.DONE else b"")


def grouped(rng: random.Random, events: list[StreamEvent]) -> list[StreamEvent]:
    """Neighbouring chunks of one kind put together into one event, here and there."""
    made: list[StreamEvent] = []
    for event in events:
        last = made[-1] if made else None
        together = (
            last is not None
            and last.kind is event.kind is StreamKind.CONTENT
            and last.form is event.form
            and not (last.native or event.native)
        )
        if together and last is not None and rng.random() < 0.5:
            made[-1] = msgspec.structs.replace(
                last,
                data=last.data + event.data,
                chars=last.chars + event.chars,
                text=last.text + event.text,
                usage=event.usage or last.usage,
            )
        else:
            made.append(event)
    return made


def meaning(events: list[StreamEvent]) -> list[Any]:
    """What a stream said, without its own bytes and what says nothing."""
    return [
        (
            event.kind,
            _payloads(event.data),
            event.chars,
            event.form,
            event.text,
            event.usage,
            event.finish_reason,
            event.fault and event.fault.kind,
        )
        for event in events
        if event.kind is not StreamKind.PING
    ]


def _payloads(data: bytes) -> list[bytes]:
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return [line for line in lines if line.startswith(b"data:")]


def _unpinged(events: list[StreamEvent]) -> list[StreamEvent]:
    return [event for event in events if event.kind is not StreamKind.PING]


def _first_difference(how: str, said: bytes, expected: bytes) -> str | None:
    if said == expected:
        return None
    pairs = enumerate(zip(said, expected, strict=False))
    place = next((at for at, (one, other) in pairs if one != other), min(len(said), len(expected)))
    around = slice(max(0, place - 40), place + 80)
    return f"{how}: at byte {place} {said[around]!r}, else {expected[around]!r}"


def difference(one: list[StreamEvent], other: list[StreamEvent]) -> str | None:
    """Where two readings differ first; None: nowhere."""
    for index, (each, its) in enumerate(itertools.zip_longest(one, other)):
        if each != its:
            return f"event {index} is {its!r}, and of one piece {each!r}"
    return None


# Checks. Each returns what is wrong, or None.


def check_pieces(example: Example) -> str | None:
    """Promises 1 and 2."""
    chat = example.chat
    whole = read(example.pair, chat, [example.raw])
    return difference(whole, read(example.pair, chat, example.pieces))


def check_harmless(rng: random.Random, example: Example) -> str | None:
    """Promise 3; `example` must not be spoiled."""
    chat = example.chat
    raw = recordings()[example.recording]
    how, other = harmless(rng, raw)
    pieces = replace(example, raw=other, cuts=cut_places(rng, other)).pieces
    now, before = read(example.pair, chat, pieces), read(example.pair, chat, [raw])
    for index, (each, its) in enumerate(itertools.zip_longest(meaning(before), meaning(now))):
        if each != its:
            return f"with {how} event {index} is {its!r}, before it was {each!r}"
    if example.pair.is_translated:
        client = example.pair.client
        return _first_difference(
            f"to the client, with {how}",
            written(client, chat, _unpinged(now)),
            written(client, chat, _unpinged(before)),
        )
    return None


def check_oversized(rng: random.Random, example: Example) -> str | None:
    """Promises 1 and 2 with an event that passes the bound."""
    raw = oversized(rng, recordings()[example.recording])
    cuts = tuple(sorted(rng.randrange(len(raw) + 1) for _ in range(rng.randrange(1, 6))))
    early = tuple(sorted({rng.randrange(1, 4000) for _ in range(rng.randrange(4))}))
    found = check_pieces(replace(example, raw=raw, cuts=tuple(sorted((*cuts, *early)))))
    return found and found[:2000]


def check_recording(example: Example) -> str | None:
    """A recording ends as its name says."""
    end = read(example.pair, example.chat, [recordings()[example.recording]])[-1]
    fails = any(word in example.recording for word in FAILING)
    if (end.kind is StreamKind.FAULT) is not fails:
        return f"{example.recording} ends with {end}"
    return None


def check_writers(rng: random.Random, example: Example) -> str | None:
    """Promise 4."""
    chat, client = example.chat, example.pair.client
    whole = read(example.pair, chat, [example.raw])
    expected = written(client, chat, whole)
    pieces = read(example.pair, chat, example.pieces)
    for how, events in (("other pieces", pieces), ("chunks put together", grouped(rng, whole))):
        found = _first_difference(how, written(client, chat, events), expected)
        if found is not None:
            return found
    return None


def check_continued(rng: random.Random, example: Example, pairs: tuple[Pair, ...] = PAIRS) -> str | None:
    """A writer takes over from native events to another provider's chunks without raising, once written."""
    chat, client = example.chat, example.pair.client
    others = [
        each
        for each in pairs
        if each.client == client and each != example.pair and choices_in(example.recording) == 1
    ]
    if not others:
        return None
    other = rng.choice(others)
    name = rng.choice(
        [each for each in recordings() if each.startswith(other.streams) and choices_in(each) == 1]
    )
    first = read(example.pair, chat, [example.raw])[:-1]
    second = read(other, chat, [recordings()[name]])
    chunks = [msgspec.structs.replace(each, native=b"") for each in second]
    events = [*first[: rng.randrange(len(first) + 1)], *chunks]
    expected = written(client, chat, events)
    return _first_difference(f"continued by {name}", written(client, chat, grouped(rng, events)), expected)


def problem_of(check: Callable[[], str | None]) -> str | None:
    """What a check found, an exception included."""
    try:
        return check()
    except Exception as problem:  # noqa: BLE001 - whatever is raised is the finding
        return f"{type(problem).__name__}: {problem}"


def chats_refused() -> list[str]:
    """Clients whose plainest request is refused: none."""
    return [name for name, each in CLIENTS.items() if isinstance(each.chat(1), Fault)]
