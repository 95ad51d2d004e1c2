"""A stream of streamGenerateContent as chunks of an OpenAI chat completion.

Rules
1. Gemini ends a stream by closing it; there is no `[DONE]`. A stream is whole when every candidate
   had its finishReason and the body then ended cleanly, with nothing half said.
2. A chunk is judged before any of it is passed on, so that a bad first chunk leaves no trace and
   another target can still answer.
3. The finish chunks of several candidates are held until the last of them has finished.
4. Usage grows from chunk to chunk; the last count is told once, at the end.
"""

from typing import Any

import msgspec

from halfopen import errors
from halfopen.http1.sse import EventTooLargeError, SseParser, parse_event
from halfopen.http1.sse_event import SseEvent
from halfopen.model import Fault, Kind, Target, Usage
from halfopen.providers.chat import Chat
from halfopen.providers.contract import Form, StreamEvent, StreamKind
from halfopen.providers.emptiness import may_be_empty
from halfopen.providers.gemini.candidate import (
    Candidate,
    Logprobs,
    Piece,
    answer_id,
    call_id,
    read_candidates,
)
from halfopen.providers.gemini.finish import blocked, finish_reason
from halfopen.providers.gemini.gemini_to_openai import UNREADABLE, model_of, signature_content, tool_call
from halfopen.providers.gemini.generation_config import candidates_asked
from halfopen.providers.gemini.tools import is_legacy
from halfopen.providers.gemini.usage import openai_usage, read_usage

_PING = StreamEvent(StreamKind.PING)


class _Progress:
    """How far one candidate has come."""

    __slots__ = ("answered", "calls", "finish")

    def __init__(self) -> None:
        self.answered = False
        self.calls = 0
        self.finish: str | None = None


class GeminiReader:
    """Reads one stream. Made anew for each attempt."""

    __slots__ = (
        "_asked",
        "_chat",
        "_created_s",
        "_held",
        "_id",
        "_include_usage",
        "_legacy",
        "_model",
        "_native",
        "_over",
        "_parser",
        "_progress",
        "_target",
        "_usage",
    )

    def __init__(self, chat: Chat, target: Target, *, created_s: int, native: bool = False) -> None:
        """Starts at the head of the body.

        Args:
            chat: The request.
            target: Who answers it.
            created_s: The time of the answer in Unix seconds.
            native: Whether the client gets the upstream's events as they are, so that they may hold what
                a chunk can't carry.
        """
        self._native = native
        self._chat = chat
        self._created_s = created_s
        self._target = target
        self._asked = candidates_asked(chat.deep)
        self._legacy = is_legacy(chat.deep)
        self._include_usage = chat.include_usage
        self._parser = SseParser()
        self._progress: dict[int, _Progress] = {}
        self._held: list[bytes] = []
        self._id = ""
        self._model = target.model
        self._usage: Usage | None = None
        self._over = False

    def feed(self, data: bytes) -> list[StreamEvent]:
        """Return what `data` completes. After DONE or FAULT: nothing."""
        if self._over:
            return []
        try:
            events = self._parser.feed(data)
        except EventTooLargeError as problem:
            made = self._read(list(problem.events))
            if not self._over:
                fault = errors.make(Kind.ANSWER_TOO_LARGE, f"Gemini sent {problem}.", status=200)
                made.append(self._fail(fault))
            return made
        return self._read(events)

    def close(self) -> list[StreamEvent]:
        """The body ended cleanly. Ends with DONE or FAULT unless either was returned before."""
        if self._over:
            return []
        out: list[StreamEvent] = []
        last = self._parser.flush()
        if any(_is_cut(event) for event in last):
            return [self._fail(_cut())]
        out += self._read(last)
        if out and out[-1].kind is StreamKind.FAULT:
            return out
        if tail := self._parser.tail.strip():
            event = parse_event(tail + b"\n\n")
            fault = _error_in(event.data or event.stray, event.event)
            return [*out, self._fail(fault or _cut())]
        if not self._whole:
            return [*out, self._fail(_fault(Kind.NO_FINISH, "the stream ended without a finishReason"))]
        self._over = True
        if self._usage is not None:
            out.append(self._usage_event(self._usage))
        return [*out, StreamEvent(StreamKind.DONE)]

    @property
    def _whole(self) -> bool:
        finished = [each for each in self._progress.values() if each.finish is not None]
        return len(finished) == self._asked

    def _read(self, events: list[SseEvent]) -> list[StreamEvent]:
        out: list[StreamEvent] = []
        for event in events:
            if self._over:
                break
            if not event.data and not event.stray:
                # Comments keep the connection alive; blank lines alone mean nothing.
                out += [_PING] if event.raw.strip() else []
                continue
            for data in (event.data, event.stray):
                if data and not self._over:
                    out += self._read_data(data, event.event)
        return out

    def _read_data(self, data: bytes, name: str) -> list[StreamEvent]:
        if data.strip() == b"[DONE]":
            return [_PING]  # not Gemini's, and no evidence of anything
        try:
            chunk = msgspec.json.decode(data)
        except UNREADABLE:
            return [self._fail(_fault(Kind.MALFORMED_ANSWER, "an event that is not JSON", data))]
        if not isinstance(chunk, dict) or "error" in chunk or name == "error":
            fault = _error_in(data, name)
            return [self._fail(fault or _fault(Kind.MALFORMED_ANSWER, "an event that is no answer", data))]
        candidates = read_candidates(chunk.get("candidates"), native=self._native)
        if isinstance(candidates, str):
            return [self._fail(_fault(Kind.MALFORMED_ANSWER, candidates, data))]
        if not candidates and (fault := blocked(chunk.get("promptFeedback"))):
            return [self._fail(fault)]
        if not self._id:
            self._id = answer_id(chunk.get("responseId"), data)
            self._model = model_of(chunk, self._target)
        self._usage = read_usage(chunk.get("usageMetadata")) or self._usage
        out: list[StreamEvent] = []
        for candidate in candidates:
            events = self._read_candidate(candidate)
            if isinstance(events, Fault):
                return [self._fail(events)]
            out += events
        # An event that a client gets as it is keeps its place among the others, even if it says little.
        return out or ([] if self._native else [_PING])

    def _read_candidate(self, candidate: Candidate) -> list[StreamEvent] | Fault:
        if candidate.index >= self._asked:
            return _fault(Kind.MALFORMED_ANSWER, f"a candidate {candidate.index} that nobody asked for")
        out: list[StreamEvent] = []
        progress = self._progress.get(candidate.index)
        if progress is None:
            progress = self._progress[candidate.index] = _Progress()
            opening = {"role": "assistant", "content": ""}
            out.append(StreamEvent(StreamKind.OPENING, self._chunk(candidate.index, opening)))
        logprobs = candidate.logprobs
        for piece in candidate.pieces:
            if not (piece.text or piece.thought or piece.call or piece.signature or piece.other):
                continue
            if progress.finish is not None:
                return _fault(Kind.MALFORMED_ANSWER, "content after the finishReason")
            if piece.other:
                progress.answered = True
                out.append(StreamEvent(StreamKind.CONTENT, chars=1, form=Form.OTHER))
                continue
            delta = self._delta(piece, candidate.index, progress)
            if isinstance(delta, Fault):
                return delta
            chars = len(piece.text) + len(piece.thought) + (len(piece.call.arguments) if piece.call else 0)
            kind = StreamKind.CONTENT if chars else StreamKind.OPENING
            data = self._chunk(candidate.index, delta, logprobs=logprobs)
            form = _form(piece, candidate.index) if chars else Form.NONE
            text = piece.text if form is Form.TEXT else ""
            out.append(StreamEvent(kind, data, chars, form=form, text=text))
            logprobs = None
        if candidate.finish is not None and progress.finish is None:
            finish = self._finish(candidate, progress, logprobs)
            if isinstance(finish, Fault):
                return finish
            out += finish
        return out

    def _delta(self, piece: Piece, index: int, progress: _Progress) -> dict[str, Any] | Fault:
        if piece.thought:
            return {"reasoning_content": piece.thought}
        call = piece.call
        if call is None:
            progress.answered = progress.answered or bool(piece.text)
            delta: dict[str, Any] = {"content": piece.text}
            if piece.signature is not None:
                delta["extra_content"] = signature_content(piece.signature)
            return delta
        number = progress.calls
        progress.calls += 1
        progress.answered = True
        if not self._legacy:
            identity = call_id(call, self._id, index, number)
            return {"tool_calls": [{"index": number, **tool_call(call, identity)}]}
        if number:
            return _fault(Kind.MALFORMED_ANSWER, "several calls, and function_call has room for one")
        return {"function_call": {"name": call.name, "arguments": call.arguments}}

    def _finish(
        self, candidate: Candidate, progress: _Progress, logprobs: Logprobs | None
    ) -> list[StreamEvent] | Fault:
        assert candidate.finish is not None
        called = progress.calls > 0
        finish = finish_reason(candidate.finish, candidate.finish_message, called=called, legacy=self._legacy)
        if isinstance(finish, Fault):
            return finish
        empty = not progress.answered and finish != "content_filter"
        if empty and not (finish == "stop" and may_be_empty(self._chat)):
            problem = f"nothing in the candidate but finishReason {candidate.finish}"
            return _fault(Kind.EMPTY_ANSWER, problem)
        progress.finish = finish
        self._held.append(self._chunk(candidate.index, {}, finish, logprobs))
        if not self._whole:
            return []
        reason = self._progress[min(self._progress)].finish
        return [StreamEvent(StreamKind.FINISH, b"".join(self._held), finish_reason=reason)]

    def _usage_event(self, usage: Usage) -> StreamEvent:
        data = b""
        if self._include_usage:
            data = _event(self._head() | {"choices": [], "usage": openai_usage(usage)})
        return StreamEvent(StreamKind.USAGE, data, usage=usage)

    def _chunk(
        self,
        index: int,
        delta: dict[str, Any],
        finish: str | None = None,
        logprobs: Logprobs | None = None,
    ) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return _event(self._head() | {"choices": [choice]})

    def _head(self) -> dict[str, Any]:
        """The fields that all chunks share."""
        return {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created_s,
            "model": self._model,
        }

    def _fail(self, fault: Fault) -> StreamEvent:
        self._over = True
        return StreamEvent(StreamKind.FAULT, fault=fault)


def _form(piece: Piece, index: int) -> Form:
    if piece.call is not None:
        return Form.CALL
    if index:
        return Form.OTHER
    return Form.REASONING if piece.thought else Form.TEXT


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"


def _is_cut(event: SseEvent) -> bool:
    """Whether the last event, whose blank line is missing, isn't whole."""
    for data in (event.data, event.stray):
        if data and data.strip() != b"[DONE]":
            try:
                msgspec.json.decode(data)
            except UNREADABLE:
                return True
    return False


def _error_in(data: bytes, name: str) -> Fault | None:
    """The fault of an error that came as an event or as raw JSON; None: it is no error."""
    try:
        value = msgspec.json.decode(data)
    except UNREADABLE:
        return None
    first = value[0] if isinstance(value, list) and value else value
    if name != "error" and not (isinstance(first, dict) and "error" in first):
        return None
    unwrapped = msgspec.json.encode(first)
    return errors.decode_event(unwrapped, name, "gemini") or _fault(Kind.ERROR_EVENT, "an error event", data)


def _cut() -> Fault:
    return _fault(Kind.CUT_BODY, "the stream ended in the middle of an event")


def _fault(kind: Kind, problem: str, body: bytes = b"") -> Fault:
    message = f"Gemini's stream is unusable: {problem}."
    return errors.make(kind, message, status=200, evidence=(problem,), body=body)
