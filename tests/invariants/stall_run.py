"""Invariant 9: keep-alives never extend the stall timer.

A schedule is a stream on virtual time: its content comes now and then, and at any time comes what says
nothing (comments, pings, empty deltas, roles, token counts, bytes of an event that never ends). The real
reception and readers make events of the bytes, a real journey times them, and its timer is stepped
exactly when it asks for it. All times are multiples of 1/8 s, so that sums are exact.

What holds
1. A stream whose content has begun stalls at the time of its last content + `stall_s`, exactly.
2. One that never brings content fails at the deadline that its attempt was given, exactly.
3. With a throughput floor, too, the very same happens at the very same times when all that says
   nothing is left out.
"""

import json
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from outcome import Outcome
from outcome_loop import main
from streams_run import MODELS, PAIRS, ask_of

from halfopen.gateway.reception import Reception
from halfopen.http1 import ResponseHead
from halfopen.model import Capabilities, Fault, Target
from halfopen.policy import (
    AfterCommit,
    Credential,
    Journey,
    JourneyOptions,
    PolicyOptions,
    State,
    TargetState,
)
from halfopen.policy import actions as act
from halfopen.policy import events as ev
from halfopen.policy.options import ParkingOptions, RetryOptions
from halfopen.providers import Answer, Ask, Form, StreamEvent, StreamKind, Translation, dialect_of
from halfopen.providers.catalogue import lookup

INVARIANTS: Final = (9,)
TITLE: Final = "keep-alives never extend the stall timer"
TICK_S: Final = 0.125
_HEAD: Final = ResponseHead(
    status=200, headers=(("content-type", "text/event-stream"),), keep_alive=True, close_delimited=False
)
_COMMENTS: Final = (b": keep-alive\n\n", b":\n\n", b"\n", b": data: {}\r\n\r\n")


def _data(value: Any, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(value)}\n\n".encode()


def _chat(delta: Mapping[str, Any]) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    return _data(
        {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    )


def _typed(kind: str, **fields: Any) -> bytes:
    return _data({"type": kind, **fields}, kind)


def _block(delta: Mapping[str, Any], index: int = 0) -> bytes:
    return _typed("content_block_delta", index=index, delta=delta)


def _text_of_gemini(text: str, **more: Any) -> bytes:
    part: dict[str, Any] = {"text": text, **more}
    return _data({"candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0}]})


def _text_of_completions(text: str) -> bytes:
    choice = {"text": text, "index": 0, "finish_reason": None}
    return _data({"id": "c", "object": "text_completion", "choices": [choice], "model": "m"})


_ITEM: Final = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
_MESSAGE: Final = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
_ARGUMENTS: Final = {"tool_calls": [{"index": 0, "function": {"arguments": '{"a":'}}]}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What one vendor's streams consist of."""

    opening: tuple[bytes, ...]
    """What comes first, and says nothing."""
    content: tuple[bytes, ...]
    calls: tuple[bytes, ...]
    """The beginning of a tool call, and a piece of its arguments: content that is held back."""
    silence: tuple[bytes, ...]
    """What says nothing."""


VOCABULARIES: Final[Mapping[str, Vocabulary]] = MappingProxyType(
    {
        "chat": Vocabulary(
            (_chat({"role": "assistant", "content": ""}),),
            (_chat({"content": "Hello"}), _chat({"content": " "}), _chat({"reasoning_content": "hm"})),
            (
                _chat({"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": ""}}]}),
                _chat(_ARGUMENTS),
            ),
            (
                _chat({}),
                _chat({"content": ""}),
                _chat({"role": "assistant"}),
                _chat({"role": "assistant", "content": None, "tool_calls": None}),
                _data({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 0}}),
                _data({}, "ping"),
                _data({}, "heartbeat"),
            ),
        ),
        "completions": Vocabulary((), (_text_of_completions("Hello"),), (), (_text_of_completions(""),)),
        "anthropic": Vocabulary(
            (
                _typed("message_start", message={"id": "m", "model": "m", "usage": {"input_tokens": 1}}),
                _typed("content_block_start", index=0, content_block={"type": "text", "text": ""}),
            ),
            (_block({"type": "text_delta", "text": "Hello"}),),
            (
                _typed(
                    "content_block_start",
                    index=1,
                    content_block={"type": "tool_use", "id": "t1", "name": "f", "input": {}},
                ),
                _block({"type": "input_json_delta", "partial_json": '{"a":'}, 1),
            ),
            (
                _typed("ping"),
                b"event: ping\ndata: {}\n\n"[:12] + b"\n",
                _block({"type": "text_delta", "text": ""}),
                _typed("message_delta", delta={"stop_reason": None}, usage={"output_tokens": 1}),
                _typed("a_kind_of_tomorrow", text="Hello"),
            ),
        ),
        "gemini": Vocabulary(
            (_text_of_gemini(""),),
            (_text_of_gemini("Hello"), _text_of_gemini("hm", thought=True)),
            (),
            (
                _text_of_gemini(""),
                _data({"usageMetadata": {"promptTokenCount": 1}}),
                _data({"candidates": []}),
            ),
        ),
        "responses": Vocabulary(
            (
                _typed(
                    "response.created",
                    response={"id": "r", "model": "m", "status": "in_progress", "output": []},
                ),
                _typed("response.output_item.added", output_index=0, item=_MESSAGE),
            ),
            (
                _typed("response.output_text.delta", **_ITEM, delta="Hello"),
                _typed("response.reasoning_summary_text.delta", **_ITEM, delta="hm"),
            ),
            (
                _typed(
                    "response.output_item.added",
                    output_index=1,
                    item={"type": "function_call", "id": "f", "call_id": "c", "name": "f", "arguments": ""},
                ),
                _typed("response.function_call_arguments.delta", item_id="f", output_index=1, delta='{"a":'),
            ),
            (
                _typed("response.in_progress", response={"id": "r", "status": "in_progress", "output": []}),
                _typed("response.output_text.delta", **_ITEM, delta=""),
                _typed("response.function_call_arguments.delta", item_id="f", output_index=1, delta=""),
                _typed("ping"),
                _typed("keepalive"),
                _typed("response.reasoning_summary_part.added", item_id="r", output_index=0, summary_index=0),
            ),
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that come at a time."""

    at: float
    data: bytes
    says: bool
    """Whether they are, or complete, content."""
    needed: bool
    """Whether the stream could not be read without them."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """One stream, and the options of the journey that gets it."""

    pair: tuple[str, str, str]
    options: JourneyOptions
    pieces: tuple[Piece, ...]

    def __str__(self) -> str:
        silent = sum(not piece.says for piece in self.pieces)
        return (
            f"{self.pair[1]} ({self.pair[2]}) to {self.pair[0]}, stall_s {self.options.stall_s}, "
            f"floor {self.options.min_tokens_s}, {len(self.pieces) - silent} pieces of content at "
            f"{[piece.at for piece in self.pieces if piece.says]}, {silent} that say nothing until "
            f"{max((piece.at for piece in self.pieces if not piece.says), default=0.0)}"
        )

    @property
    def without_silence(self) -> "Schedule":
        """The same without what says nothing."""
        return replace(self, pieces=tuple(piece for piece in self.pieces if piece.says or piece.needed))

    @property
    def content_at(self) -> list[float]:
        """When content comes."""
        return [piece.at for piece in self.pieces if piece.says]


def made(rng: random.Random) -> Schedule:
    """A schedule."""
    pair = rng.choice(PAIRS)
    words = VOCABULARIES[pair[2]]
    stall_s = TICK_S * rng.randrange(8, 400)
    floor = rng.choice((0.0, 0.0, 1.5, 0.1))
    options = JourneyOptions(
        deadline_s=60.0,
        first_token_s=TICK_S * rng.randrange(80, 360),
        stall_s=stall_s,
        min_tokens_s=floor,
        after_commit=rng.choice(tuple(AfterCommit)),
        attempts=1,
    )
    head_s = TICK_S * rng.randrange(1, 20)
    pieces = [Piece(head_s, data, says=False, needed=True) for data in words.opening]
    pieces += _content(rng, words, options, head_s)
    last_s = max((piece.at for piece in pieces), default=head_s)
    until_s = last_s + stall_s * rng.choice((0.5, 1.0, 1.5, 3.0)) + TICK_S * 40
    pieces += _silence(rng, words, head_s, until_s, options)
    pieces.sort(key=_when)
    return Schedule(pair, options, (*pieces, *_endless(rng, words, last_s, until_s)))


def _when(piece: Piece) -> float:
    return piece.at


def _content(rng: random.Random, words: Vocabulary, options: JourneyOptions, now: float) -> list[Piece]:
    """Content, each within the stall time of the one before. Sometimes none."""
    pieces: list[Piece] = []
    called = False
    count = rng.choice((0, 1, 1, 2, 5, 20))
    longest = int(options.stall_s / TICK_S) - 1
    now += TICK_S * rng.randrange(1, 30)
    for number in range(count):
        if number:
            now += TICK_S * rng.randrange(1, max(2, min(longest, rng.choice((2, 40, 400)))))
        data = rng.choice(words.content)
        if words.calls and number > count // 2 and rng.random() < 0.5:
            data = words.calls[called]
            called = True
        split = rng.randrange(1, len(data)) if rng.random() < 0.3 else 0
        if split:  # the event is content when its last byte has come
            # Nothing else comes at these odd times, or it would be in the middle of the event.
            pieces.append(Piece(now + TICK_S / 4, data[:split], says=False, needed=True))
            now += TICK_S / 2
        pieces.append(Piece(now, data[split:], says=True, needed=True))
    return pieces


def _silence(
    rng: random.Random, words: Vocabulary, head_s: float, until_s: float, options: JourneyOptions
) -> list[Piece]:
    """What says nothing, at any time."""
    pieces: list[Piece] = []
    mostly = max(1, int(min(options.stall_s * rng.choice((0.1, 0.5, 0.9)), 10.0) / TICK_S))
    now = head_s
    while now < until_s and len(pieces) < 60:
        now += TICK_S * rng.randrange(1, mostly + 1)
        data = rng.choice((*_COMMENTS, *words.silence, *words.silence))
        pieces.append(Piece(now, data, says=False, needed=False))
    return pieces


def _endless(rng: random.Random, words: Vocabulary, last_s: float, until_s: float) -> list[Piece]:
    """An event that comes byte by byte and never ends, after all else."""
    if rng.random() < 0.7:
        return []
    data = rng.choice(words.content)[:-2]
    return [
        Piece(until_s + TICK_S * number, data[number : number + 1], says=False, needed=False)
        for number in range(min(len(data), 60))
    ]


class StuckError(Exception):
    """A timer that has been stepped does not move."""


class Watched:
    """A journey, and the reception of its one attempt. Does what the gateway's exchange does."""

    def __init__(self, schedule: Schedule) -> None:
        """Send the request at time 0."""
        target, ask, translation = _target_of(schedule.pair)
        policy = PolicyOptions()
        state = TargetState(target, Credential(ParkingOptions()), policy, lambda: 0.5, 0.0)
        self._holds_all = schedule.options.after_commit is AfterCommit.HOLD
        self.journey = Journey(
            [state],
            options=schedule.options,
            retry=RetryOptions(),
            entropy=lambda: 0.5,
            stream=True,
            unfit=lambda _: None,
        )
        sends = [each for each in self.journey.step(ev.Arrived(), 0.0) if isinstance(each, act.Send)]
        self.deadline = sends[0].deadline
        self._now = 0.0
        self._calls = False
        self._reception = Reception(
            self, ask, target, translation, dialect=target.dialect, answer_max_bytes=1 << 24, wall_s=1e9
        )
        self._reception.on_connected()

    def on_attempt_connected(self) -> None:
        """The request is being sent."""
        self.journey.step(ev.Connected(1), self._now)

    def on_attempt_head(self, head: ResponseHead) -> None:
        """Status and headers."""
        self.journey.step(ev.FirstByte(1, head.status), self._now)

    def on_attempt_events(self, events: list[StreamEvent]) -> None:
        """Pieces of a stream."""
        journey, now = self.journey, self._now
        for event in events:
            if journey.state is State.ENDED:
                return
            if event.kind is StreamKind.FAULT:
                assert event.fault is not None
                self.on_attempt_fault(event.fault)
            elif event.chars:
                self._calls = self._calls or event.form is Form.CALL
                held = self._calls or self._holds_all or event.kind is StreamKind.FINISH
                if journey.state is State.ATTEMPTING or (journey.state is State.HELD and not held):
                    journey.step(ev.Content(1, held=held), now)
                journey.progress(event.chars, now)

    def on_attempt_answer(self, answer: Answer) -> None:
        """Never: it is a stream."""
        raise AssertionError(answer)

    def on_attempt_fault(self, fault: Fault) -> None:
        """The attempt failed."""
        self.journey.step(ev.Failed(1, fault), self._now)

    def run(self, pieces: Sequence[Piece]) -> None:
        """Until the attempt is over, or nothing comes any more and every timer has been stepped."""
        self._now = TICK_S
        self._reception.on_head(_HEAD)
        for piece in pieces:
            self._until(piece.at)
            if self.journey.attempts:
                return
            self._now = piece.at
            self._reception.on_data(piece.data)
        self._until(1000.0)

    def _until(self, then: float) -> None:
        while self.journey.wake_at <= then and not self.journey.attempts:
            self._now = self.journey.wake_at
            self.journey.step(ev.Timer(), self._now)
            if self.journey.wake_at <= self._now and not self.journey.attempts:
                raise StuckError(f"the timer was stepped at {self._now} and asks for the same time again")

    @property
    def end(self) -> tuple[str, float]:
        """The kind of the fault that ended the attempt, and when."""
        if not self.journey.attempts:
            return "nothing", self._now
        last = self.journey.attempts[0]
        return last.fault.kind.value if last.fault is not None else "success", last.ended


def _target_of(pair: tuple[str, str, str]) -> tuple[Target, Ask, Translation]:
    client, provider, vendor = pair
    calls = client != "completions" and bool(VOCABULARIES[vendor].calls)
    dialect, ask = ask_of(client, stream=True, calls=calls, choices=1)
    name, flavour, model = MODELS[provider]
    capabilities, price = lookup(name, model) if flavour is None else (Capabilities(), None)
    target = Target(provider, model, name, replace(capabilities, reasoning=False), price)
    return target, ask, dialect.translation(dialect_of(name, flavour), target)


def expected(schedule: Schedule, deadline: float) -> tuple[str, float] | None:
    """What must happen, and when. None: the floor decides, see rule 3."""
    content_at = schedule.content_at
    if not content_at or content_at[0] >= deadline:
        return "first_token_timeout", deadline
    if schedule.options.min_tokens_s > 0:
        return None
    return "stalled", content_at[-1] + schedule.options.stall_s


def outcome_of(schedule: Schedule, seed: int) -> Outcome:
    """Run it with and without what says nothing."""
    try:
        return _judged(schedule, seed)
    except StuckError as problem:
        return Outcome(seed, met=True, violation=f"{problem}; {schedule}", detail=str(schedule))


def _judged(schedule: Schedule, seed: int) -> Outcome:
    watched = Watched(schedule)
    watched.run(schedule.pieces)
    ended = watched.end
    due = expected(schedule, watched.deadline)
    bare = Watched(schedule.without_silence)
    bare.run(schedule.without_silence.pieces)
    violation: str | None = None
    if due is not None and ended != due:
        violation = f"{due[0]} was due at {due[1]}, but it was {ended[0]} at {ended[1]}; {schedule}"
    elif ended != bare.end:
        violation = f"{ended[0]} at {ended[1]}, but without what says nothing {bare.end[0]} at {bare.end[1]}; {schedule}"
    met = any(not piece.says and piece.at < ended[1] for piece in schedule.pieces)
    lines = [str(schedule), f"due {due}, seen {ended}, without silence {bare.end}"]
    if violation is not None:
        lines += [f"{piece.at} {piece.data!r}" for piece in schedule.pieces]
    return Outcome(seed, met, violation, "\n".join(lines))


def check(seed: int) -> Outcome:
    """One schedule, from its seed."""
    return outcome_of(made(random.Random(seed)), seed)


if __name__ == "__main__":
    sys.exit(main(check, TITLE, INVARIANTS))
