"""Invariant 8: no success without finish evidence; truncation at every byte before it gives an error.

A schedule is one generated answer of one vendor to one client, plain or streamed, in one HTTP framing,
in random pieces. It is delivered whole, and then cut: right before and right after the byte that
completes its evidence, at the edges of its events, and at random bytes; each time with a clean end or a
reset. The real connection, parser, reception, readers and judges of answers see it.

What holds
1. With fewer bytes of the body than the evidence needs there is exactly one end, and it is a fault.
2. An answer without evidence is a fault, however properly it ends.
3. A whole answer with evidence is a success, and all its text has come.
4. Whatever comes, there is exactly one end, and nothing after it.
"""

import asyncio
import json
import random
import sys
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, cast

from outcome import Outcome
from outcome_loop import main
from streams_answer import (
    CHUNKED,
    CLOSE,
    LENGTH,
    Body,
    Shape,
    Wire,
    plain_body,
    shape_of,
    stream_body,
    wire_of,
)

from halfopen.gateway.reception import Reception
from halfopen.gateway.upstream import UpstreamConnection
from halfopen.http1 import ResponseHead
from halfopen.model import Capabilities, Fault, Target
from halfopen.providers import (
    CHAT,
    Answer,
    Ask,
    ClientDialect,
    ClientRequest,
    Form,
    StreamEvent,
    StreamKind,
    Translation,
    dialect_of,
)
from halfopen.providers.catalogue import lookup
from halfopen.providers.clients.completions import COMPLETIONS
from halfopen.providers.clients.generate import GENERATE
from halfopen.providers.clients.messages import MESSAGES
from halfopen.providers.clients.responses import RESPONSES

INVARIANTS: Final = (8,)
TITLE: Final = "no success without finish evidence"
_WALL_S: Final = 1_700_000_000.0
_CUTS: Final = 6
"""Random cuts in a schedule, beside those at the evidence."""
CLEAN, RESET = "clean end", "reset"

CLIENTS: Final[Mapping[str, tuple[ClientDialect, str]]] = MappingProxyType(
    {
        "chat": (CHAT, "/v1/chat/completions"),
        "completions": (COMPLETIONS, "/v1/completions"),
        "responses": (RESPONSES, "/v1/responses"),
        "messages": (MESSAGES, "/v1/messages"),
        "generate": (GENERATE, "/v1beta/models/m:streamGenerateContent"),
        "generate plain": (GENERATE, "/v1beta/models/m:generateContent"),
    }
)
MODELS: Final[Mapping[str, tuple[str, str | None, str]]] = MappingProxyType(
    {
        "openai": ("openai", None, "gpt-4o-mini"),
        "instruct": ("openai", None, "gpt-3.5-turbo-instruct"),
        "vllm": ("openai", "vllm", "some-model"),
        "anthropic": ("anthropic", None, "claude-haiku-4-5"),
        "gemini": ("gemini", None, "gemini-2.5-flash"),
    }
)
PAIRS: Final = (
    ("chat", "openai", "chat"),
    ("chat", "vllm", "chat"),
    ("chat", "anthropic", "anthropic"),
    ("chat", "gemini", "gemini"),
    ("responses", "openai", "responses"),
    ("responses", "vllm", "chat"),
    ("responses", "anthropic", "anthropic"),
    ("responses", "gemini", "gemini"),
    ("completions", "instruct", "completions"),
    ("completions", "openai", "chat"),
    ("completions", "anthropic", "anthropic"),
    ("completions", "gemini", "gemini"),
    ("messages", "anthropic", "anthropic"),
    ("messages", "openai", "chat"),
    ("messages", "gemini", "gemini"),
    ("generate", "gemini", "gemini"),
    ("generate", "openai", "chat"),
    ("generate", "anthropic", "anthropic"),
)
"""Client, provider, and what its stream is made of."""
SEVERAL: Final = (
    ("chat", "chat"),
    ("chat", "gemini"),
    ("completions", "completions"),
    ("generate", "gemini"),
)
"""Clients that can ask for several choices, and what is then sent to them."""


def ask_of(client: str, *, stream: bool, calls: bool, choices: int) -> tuple[ClientDialect, Ask]:
    """A client's request to which a generated answer is the answer."""
    name = "generate plain" if client == "generate" and not stream else client
    dialect, path = CLIENTS[name]
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    function: dict[str, Any] = {"name": "get_time", "parameters": schema}
    message = {"role": "user", "content": "Hi"}
    body: dict[str, Any] = {"model": "m", "stream": stream}
    if client == "chat":
        body |= {"messages": [message]}
        body |= {"tools": [{"type": "function", "function": function}]} if calls else {}
    elif client == "completions":
        body |= {"prompt": "Hi", "max_tokens": 500}
    elif client == "responses":
        body |= {"input": "Hi"}
        body |= {"tools": [{"type": "function", **function}]} if calls else {}
    elif client == "messages":
        body |= {"max_tokens": 500, "messages": [message]}
        body |= {"tools": [{"name": "get_time", "input_schema": schema}]} if calls else {}
    else:
        body = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
        body |= {"tools": [{"functionDeclarations": [function]}]} if calls else {}
    if choices > 1:
        body |= {"generationConfig": {"candidateCount": choices}} if client == "generate" else {"n": choices}
    query = {"alt": "sse"} if name == "generate" else {}
    parsed = dialect.parse(ClientRequest(path, query, {}, json.dumps(body).encode()))
    assert not isinstance(parsed, Fault), parsed
    return dialect, parsed


@dataclass(slots=True)
class Seen:
    """What one reception told. The listener of it."""

    ends: list[str] = field(default_factory=list)
    """`whole`, or the kind of the fault."""
    text: str = ""
    late: int = 0
    """Things told after the end."""

    def on_attempt_connected(self) -> None:
        """The request is being sent."""

    def on_attempt_head(self, head: ResponseHead) -> None:
        """Status and headers."""
        self.late += bool(self.ends)

    def on_attempt_events(self, events: list[StreamEvent]) -> None:
        """Pieces of a stream."""
        for event in events:
            self.late += bool(self.ends)
            if event.form is Form.TEXT:
                self.text += event.text
            if event.kind is StreamKind.DONE:
                self.ends.append("whole")
            elif event.kind is StreamKind.FAULT:
                assert event.fault is not None
                self.ends.append(event.fault.kind.value)

    def on_attempt_answer(self, answer: Answer) -> None:
        """A whole plain answer."""
        self.late += bool(self.ends)
        self.ends.append("whole")
        self.text = answer.body.decode("utf-8", "replace")

    def on_attempt_fault(self, fault: Fault) -> None:
        """The attempt failed."""
        self.late += bool(self.ends)
        self.ends.append(fault.kind.value)


class Socket:
    """The transport of a connection: says nothing, and can be closed."""

    def __init__(self) -> None:
        self._closing = False

    def write(self, _data: Any) -> None:
        """The request goes out."""

    def writelines(self, _data: Any) -> None:
        """The request."""

    def abort(self) -> None:
        """Close."""
        self._closing = True

    def is_closing(self) -> bool:
        """Whether it is closed."""
        return self._closing

    def get_write_buffer_size(self) -> int:
        """All was sent."""
        return 0


@dataclass(frozen=True, slots=True)
class Delivered:
    """One answer on its way to one client."""

    ask: Ask
    target: Target
    translation: Translation
    dialect: str
    wire: Wire

    def run(self, pieces: list[bytes], ending: str) -> Seen:
        """Deliver these pieces, and end so."""
        seen = Seen()
        reception = Reception(
            seen,
            self.ask,
            self.target,
            self.translation,
            dialect=self.dialect,
            answer_max_bytes=1 << 24,
            wall_s=_WALL_S,
        )
        connection = UpstreamConnection(lambda _: None, lambda _: None)
        socket = Socket()
        connection.connection_made(cast("asyncio.Transport", socket))
        connection.send((b"", b""), reception)
        for piece in pieces:
            if socket.is_closing():
                break
            connection.data_received(piece)
        if ending == CLEAN and not socket.is_closing():
            connection.eof_received()
        connection.connection_lost(ConnectionResetError("reset") if ending == RESET else None)
        return seen


@dataclass(frozen=True, slots=True)
class Schedule:
    """One answer, and all the ways in which it comes."""

    pair: tuple[str, str, str]
    stream: bool
    framing: str
    body: Body
    text: str
    """The first choice's."""
    choices: int
    delivered: Delivered
    cuts: tuple[tuple[int, str, int], ...]
    """Number of bytes, ending, size of the pieces."""

    def __str__(self) -> str:
        kind = "stream" if self.stream else "plain"
        return (
            f"{kind} answer of {self.pair[1]} ({self.pair[2]}) to {self.pair[0]}, {self.framing}, "
            f"{len(self.body.raw)} bytes, evidence at {self.body.said_at}, {self.choices} choices"
        )


def made(rng: random.Random) -> Schedule:
    """A schedule."""
    pair = rng.choice(PAIRS)
    client, _, vendor = pair
    stream = rng.random() < 0.75
    shape = shape_of(rng, calls=client != "completions", choices=(client, vendor) in SEVERAL)
    body = (stream_body if stream else plain_body)(vendor, shape, rng)
    framing = rng.choice((CHUNKED, CHUNKED, LENGTH, CLOSE))
    wire = wire_of(body.raw, "text/event-stream" if stream else "application/json", framing, rng)
    return replace(schedule_of(pair, shape, body, wire, framing, stream=stream), cuts=_cuts(wire, body, rng))


def schedule_of(
    pair: tuple[str, str, str], shape: Shape, body: Body, wire: Wire, framing: str, *, stream: bool
) -> Schedule:
    """An answer of one vendor on its way to one client, not cut."""
    client, provider, _ = pair
    dialect, ask = ask_of(client, stream=stream, calls=shape.calls > 0, choices=shape.choices)
    name, flavour, model = MODELS[provider]
    known = lookup(name, model) if flavour is None else (Capabilities(), None)
    target = Target(provider, model, name, *known)
    translation = dialect.translation(dialect_of(name, flavour), target)
    delivered = Delivered(ask, target, translation, name, wire)
    return Schedule(pair, stream, framing, body, "".join(shape.texts), shape.choices, delivered, ())


def _cuts(wire: Wire, body: Body, rng: random.Random) -> tuple[tuple[int, str, int], ...]:
    size = len(wire.raw)
    places = [rng.randrange(size) for _ in range(_CUTS)]
    edge = body.raw.rfind(b"\n\n", 0, rng.randrange(1, len(body.raw) + 1))
    marks = [edge + 2] if edge > 0 else []
    if body.said_at is not None:
        marks += [body.said_at - 1, body.said_at, body.said_at + 1, body.said_at + 2]
    for mark in marks:
        # Of several numbers of bytes with as much of the body: the most, its framing with it.
        at = bisect_right(wire.body_before, mark) - 1
        if at < len(wire.raw):
            places.append(at)
    return tuple(
        (place, rng.choice((CLEAN, RESET)), rng.choice((1, 3, 17, 400, 1 << 20))) for place in places
    )


def _pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def judged(schedule: Schedule, place: int, ending: str, size: int) -> tuple[Seen, str | None]:
    """Deliver the first `place` bytes, and say what was wrong."""
    delivered, said_at = schedule.delivered, schedule.body.said_at
    seen = delivered.run(_pieces(delivered.wire.raw[:place], size), ending)
    came = delivered.wire.body_before[place]
    where = f"with {came} of {len(schedule.body.raw)} bytes and a {ending}"
    if len(seen.ends) != 1:
        return seen, f"{where} there were {len(seen.ends)} ends: {', '.join(seen.ends) or 'none'}"
    if seen.late:
        return seen, f"{where} something came after the end"
    whole = seen.ends[0] == "whole"
    if whole and (said_at is None or came < said_at):
        needed = "there is none" if said_at is None else f"it needs {said_at}"
        return seen, f"success without finish evidence: {where} ({needed})"
    if place == len(delivered.wire.raw) and ending == CLEAN and said_at is not None:
        if not whole:
            return seen, f"a whole answer was taken for {seen.ends[0]}"
        if schedule.stream and schedule.choices == 1 and seen.text != schedule.text:
            return seen, f"a success without all of its text: {seen.text!r}"
    return seen, None


def outcome_of(schedule: Schedule, seed: int) -> Outcome:
    """Deliver it in all its ways."""
    lines = [str(schedule)]
    runs = [(len(schedule.delivered.wire.raw), CLEAN, 400), *schedule.cuts]
    violation: str | None = None
    for place, ending, size in runs:
        seen, wrong = judged(schedule, place, ending, size)
        lines.append(f"{place} bytes on the wire in pieces of {size}, {ending}: {', '.join(seen.ends)}")
        if wrong is not None and violation is None:
            violation = f"{wrong}; {schedule}"
            lines.append(f"body: {schedule.body.raw!r}")
    return Outcome(seed, met=True, violation=violation, detail="\n".join(lines))


def check(seed: int) -> Outcome:
    """One schedule, from its seed."""
    return outcome_of(made(random.Random(seed)), seed)


if __name__ == "__main__":
    sys.exit(main(check, TITLE, INVARIANTS))
