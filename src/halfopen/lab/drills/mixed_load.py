"""A client that asks many kinds of questions at a fixed rate, reads each answer, and keeps its own tally.

Rules
1. What is asked follows from the number of the request alone, so that a run can be repeated.
2. What became of a request is judged by the bytes of its answer, and never by the gateway's record.
3. Who gave an answer is told by its text: each target has a model of its own, which the lab names in it.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from halfopen.lab.answer import is_whole
from halfopen.lab.drills.http_answer import AnswerError, HttpAnswer
from halfopen.lab.drills.tally import GONE, NO_END, OK, Entry
from halfopen.lab.server import HOST

CALLERS: Final = ("web", "mobile", "reports", "")
"""The last says nothing of itself."""
UNKNOWN_MODEL: Final = "no-such-model"
END_MAX_S: Final = 30.0
"""A request that has not ended by then has no end."""
IDLE_MAX_S: Final = 5.0
"""A connection is used again for so long."""
_LEAVES_AFTER: Final = 3
"""Events of a stream: long before it ends."""
_CONTINUED: Final = "Continued by "
_OPENING: Final = re.compile(r"\ALab answer from openai/(\S+)")
_READ_BYTES: Final = 65536


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    number: int
    route: str
    """Empty: there is none for it."""
    caller: str
    stream: bool
    body: bytes
    leaves: bool = False
    """Whether its client goes in the middle of the stream."""
    bare: bool = False
    """Whether it is to fail, since it is wrong itself."""


def question(number: int, routes: tuple[str, ...], seed: int) -> Question:
    """The question of a number. Another seed: other questions."""
    mixed = number + 7919 * seed
    route, caller = routes[mixed % len(routes)], CALLERS[mixed // 3 % len(CALLERS)]
    stream = mixed % 5 in (1, 3)
    message = {"role": "user", "content": f"Question {number} of run {seed}"}
    asked: dict[str, object] = {"model": route, "messages": [message], "stream": stream}
    if stream:
        asked["stream_options"] = {"include_usage": True}
    turn = (mixed * 31 + seed) % 100
    if turn == 11:
        return Question(number, "", caller, stream=False, body=b'{"model": broken', bare=True)
    if turn == 23:
        asked["model"] = UNKNOWN_MODEL
        return Question(number, "", caller, stream, msgspec.json.encode(asked), bare=True)
    if turn in (37, 71):
        asked["temperature"] = "hot"
        return Question(number, route, caller, stream, msgspec.json.encode(asked), bare=True)
    leaves = stream and turn % 12 == 5
    return Question(number, route, caller, stream, msgspec.json.encode(asked), leaves)


@dataclass(slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    idle_since: float = 0.0


class MixedLoad:
    """Asks until it is told to stop. Make it inside the running loop."""

    def __init__(
        self, port: int, rate: float, routes: tuple[str, ...], targets: Mapping[str, str], seed: int
    ) -> None:
        """Prepare it; `start` begins.

        Args:
            port: The gateway's, on loopback.
            rate: Requests a second.
            routes: Their names.
            targets: By model, the target that has it. The first choice comes first.
            seed: Of the questions.
        """
        self._port = port
        self._rate = rate
        self._routes = routes
        self._targets = targets
        self._seed = seed
        self._idle: deque[_Connection] = deque()
        self._asking: set[asyncio.Task[None]] = set()
        self._clock: asyncio.Task[None] | None = None
        self.entries: list[Entry] = []
        """All requests so far."""
        self.leaving = True
        """Whether those clients leave that are to. Not while streams break off: nobody could say which of the
        two was first."""

    def start(self) -> None:
        """Begin to ask."""
        self._clock = asyncio.get_running_loop().create_task(self._tick())

    async def stop(self) -> None:
        """Ask nothing more, and wait until every request has ended."""
        if self._clock is not None:
            self._clock.cancel()
        if self._asking:
            await asyncio.wait(self._asking)
        while self._idle:
            self._idle.pop().writer.transport.abort()

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        number = 0
        while True:
            asked = question(number, self._routes, self._seed)
            if not self.leaving:
                asked = replace(asked, leaves=False)
            task = loop.create_task(self._ask(asked))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
            number += 1
            await asyncio.sleep(max(0.0, began + number / self._rate - loop.time()))

    async def _ask(self, asked: Question) -> None:
        entry = Entry(asked.number, asked.route, asked.caller, asked.stream, time.time())
        entry.received_bytes = len(asked.body)
        self.entries.append(entry)
        answer = HttpAnswer()
        connection: _Connection | None = None
        whole = False
        try:
            async with asyncio.timeout(END_MAX_S):
                connection = await self._connection()
                connection.writer.write(_head(asked) + asked.body)
                whole = await _read(connection.reader, answer, asked)
        except TimeoutError:
            entry.problem = f"no end within {END_MAX_S:g} s"
        except (OSError, AnswerError) as problem:
            entry.problem = f"{type(problem).__name__}: {problem}"
        if connection is not None:
            self._give_back(connection, reusable=whole and answer.headers.get(b"connection") != b"close")
        entry.ended_s = time.time()
        _judge(entry, asked, answer, self._targets, whole=whole)

    async def _connection(self) -> _Connection:
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if now - connection.idle_since < IDLE_MAX_S and not connection.reader.at_eof():
                return connection
            connection.writer.transport.abort()
        return _Connection(*await asyncio.open_connection(HOST, self._port))

    def _give_back(self, connection: _Connection, *, reusable: bool) -> None:
        if reusable:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            connection.writer.transport.abort()


def _head(asked: Question) -> bytes:
    caller = f"x-halfopen-caller: {asked.caller}\r\n" if asked.caller else ""
    return (
        "POST /v1/chat/completions HTTP/1.1\r\nhost: drill\r\nauthorization: Bearer drill\r\n"
        f"content-type: application/json\r\n{caller}content-length: {len(asked.body)}\r\n\r\n"
    ).encode()


async def _read(reader: asyncio.StreamReader, answer: HttpAnswer, asked: Question) -> bool:
    """Read until the end; whether the answer is whole. A client that leaves stops in the middle."""
    while data := await reader.read(_READ_BYTES):
        if answer.feed(data):
            return True
        if asked.leaves and answer.status == 200 and answer.body.count(b"data: ") >= _LEAVES_AFTER:
            return False
    return False


def _judge(
    entry: Entry, asked: Question, answer: HttpAnswer, targets: Mapping[str, str], *, whole: bool
) -> None:
    """Note what the answer is."""
    entry.request_id = answer.headers.get(b"x-halfopen-request-id", b"").decode()
    entry.sent_bytes = len(answer.body)
    events = _events(answer.body) if asked.stream and answer.status == 200 else []
    kind = _kind(answer, events)
    if kind:
        entry.result = kind
    elif asked.leaves and not whole and not entry.problem and len(events) >= _LEAVES_AFTER - 1:
        entry.result = GONE
    elif whole and answer.status == 200:
        _note_answer(entry, asked, answer, events, targets)
    elif not entry.problem:
        entry.problem = f"status {answer.status}, {len(answer.body)} bytes, and no word of what is wrong"
    if asked.bare and entry.result in (OK, GONE):
        entry.problem = f"a wrong question got {entry.result}"


def _note_answer(
    entry: Entry, asked: Question, answer: HttpAnswer, events: list[bytes], targets: Mapping[str, str]
) -> None:
    try:
        text, usage = _streamed(events) if asked.stream else _plain(answer.body)
    except (msgspec.DecodeError, LookupError, TypeError) as problem:
        entry.problem = f"no answer of its dialect: {problem!r}"
        return
    begun = _OPENING.match(text)
    if begun is None or not is_whole(text):
        entry.problem = f"another text: {text[-100:]!r}"
        return
    continued = text.partition(_CONTINUED)[2].partition("/")[2].partition(". ")[0]
    model = continued or begun[1]
    entry.result = OK
    entry.target = targets.get(model, f"(unknown model {model})")
    first = next(iter(targets.values()))
    entry.rescued = bool(continued) or entry.target != first or answer.headers[b"x-halfopen-attempts"] != b"1"
    entry.input_tokens, entry.output_tokens = usage["prompt_tokens"], usage["completion_tokens"]


def _events(body: bytes) -> list[bytes]:
    """The whole events of a stream."""
    return [event[6:] for event in body.split(b"\n\n")[:-1] if event.startswith(b"data: ")]


def _kind(answer: HttpAnswer, events: list[bytes]) -> str:
    """The kind of the fault that the client was told; empty: none was."""
    told = events[-2:] if answer.status == 200 else [answer.body]
    for data in told:
        try:
            found = msgspec.json.decode(data)
            return str(found["error"]["halfopen"]["kind"])
        except (msgspec.DecodeError, LookupError, TypeError):
            continue
    return ""


def _plain(body: bytes) -> tuple[str, dict[str, int]]:
    found = msgspec.json.decode(body)
    return found["choices"][0]["message"]["content"], found["usage"]


def _streamed(events: list[bytes]) -> tuple[str, dict[str, int]]:
    text, usage = "", None
    if events[-1] != b"[DONE]":
        raise LookupError("no [DONE]")
    for event in events[:-1]:
        found = msgspec.json.decode(event)
        usage = found.get("usage") or usage
        for choice in found["choices"]:
            text += choice["delta"].get("content") or ""
    if usage is None:
        raise LookupError("no usage")
    return text, usage


__all__ = ["CALLERS", "NO_END", "UNKNOWN_MODEL", "MixedLoad", "Question", "question"]
