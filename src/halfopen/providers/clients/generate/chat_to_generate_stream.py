"""A stream of chat completion chunks, or Gemini's own, as the responses of streamGenerateContent.

Rules
1. A native event goes out as it came. After it may come chunks of another target that goes on with
   the answer: they become responses of the same answer, with its id.
2. The last response has the finishReason and the usage. It waits for `finish`, because usage comes
   after the finish. When the upstream's own last event went out, nothing is added to it.
3. Nothing that the official client can't read is sent: no comments, no `[DONE]`.

What has no exact counterpart follows the table in `chat_to_generate`.
"""

from typing import Any

import msgspec

from halfopen.http1.sse import SseParser
from halfopen.model import Usage
from halfopen.providers.chat import Chat
from halfopen.providers.client import Failure
from halfopen.providers.clients.generate.candidate_stream import CandidateStream
from halfopen.providers.clients.generate.chat_to_generate import response_id, wants_thoughts
from halfopen.providers.clients.generate.error import generate_error_json
from halfopen.providers.clients.generate.framing import ArrayFraming, EventFraming, Framing, payload
from halfopen.providers.clients.generate.request import GenerateAsk
from halfopen.providers.clients.generate.usage import usage_metadata
from halfopen.providers.contract import StreamEvent, StreamKind
from halfopen.providers.openai.usage import read_usage

CANDIDATES_MAX = 64
"""Choices in one answer; an index beyond it is passed over."""


class _Head(msgspec.Struct):
    responseId: str | None = None  # noqa: N815 - Google's name


_HEAD = msgspec.json.Decoder(_Head)
_UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)


class GenerateWriter:
    """Writes one answer. Implements `Writer`."""

    __slots__ = (
        "_candidates",
        "_finish",
        "_framing",
        "_id",
        "_model",
        "_native_finish",
        "_request_id",
        "_thoughts",
        "_translated",
        "_usage",
    )

    def __init__(self, ask: Chat, *, request_id: str) -> None:
        """Begin an answer; `request_id` is its id where the upstream gives none."""
        origin = ask.origin
        as_array = isinstance(origin, GenerateAsk) and not origin.sse
        self._framing: Framing = ArrayFraming() if as_array else EventFraming()
        self._thoughts = wants_thoughts(ask)
        self._request_id = request_id
        self._candidates: dict[int, CandidateStream] = {}
        self._id = ""
        self._model = ""
        self._usage: Usage | None = None
        self._finish: str | None = None
        self._translated = False
        """Whether anything but native events was written."""
        self._native_finish = False

    @property
    def content_type(self) -> str:
        """text/event-stream with alt=sse, else application/json."""
        return self._framing.content_type

    def write(self, event: StreamEvent) -> bytes:
        """The client's bytes for one event."""
        if self._native_finish and not event.native:
            return b""  # the counts at the end of a native stream: its own events have told them
        if event.native and not self._translated:
            return self._native(event)
        if event.kind is StreamKind.FINISH:
            self._finish = event.finish_reason or self._finish
        self._usage = event.usage or self._usage
        out = []
        parser = SseParser()
        for each in [*parser.feed(event.data), *parser.flush()] if event.data else ():
            response = self._response(each.data)
            if response is not None:
                out.append(self._framing.response(msgspec.json.encode(response)))
        return b"".join(out)

    def finish(self) -> bytes:
        """The last response, with the finish and the usage, and the end."""
        if self._native_finish or not (self._candidates or self._translated):
            return self._framing.end()
        first = min(self._candidates, default=0)
        last = self._candidates or {0: CandidateStream(0, thoughts=False)}
        candidates = [
            last[index].finished(self._finish if index == first else None) for index in sorted(last)
        ]
        response = self._whole(candidates)
        if self._usage is not None:
            response["usageMetadata"] = usage_metadata(self._usage)
        return self._framing.response(msgspec.json.encode(response)) + self._framing.end()

    def error(self, failure: Failure) -> bytes:
        """An object that is an error, and no finishReason."""
        return self._framing.error(generate_error_json(failure))

    def ping(self) -> bytes:
        """A blank line: the official client takes a comment for broken JSON."""
        return b"\r\n"

    def comment(self, text: str) -> bytes:  # noqa: ARG002 - the contract
        """Nothing: there is no remark that the official client passes over."""
        return b""

    def _native(self, event: StreamEvent) -> bytes:
        out = self._framing.native(event.native)
        if not self._id and out:
            self._id = _id_in(payload(event.native))
        if event.kind is StreamKind.FINISH:
            self._native_finish = True
        return out

    def _response(self, data: bytes) -> dict[str, Any] | None:
        """The response for one chunk; None: the client learns nothing from it yet."""
        if not data or data.strip() == b"[DONE]":
            return None
        try:
            chunk = msgspec.json.decode(data)
        except _UNREADABLE:
            return None
        if not isinstance(chunk, dict):
            return None
        self._translated = True
        self._id = self._id or response_id(chunk.get("id"), "")
        if isinstance(model := chunk.get("model"), str) and model:
            self._model = model
        if chunk.get("usage"):
            self._usage = read_usage(msgspec.Raw(msgspec.json.encode(chunk["usage"]))) or self._usage
        candidates = []
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            candidate = self._choice(choice)
            if candidate is not None:
                candidates.append(candidate)
        return self._whole(candidates) if candidates else None

    def _choice(self, choice: Any) -> dict[str, Any] | None:
        index = choice.get("index", 0) if isinstance(choice, dict) else None
        if not isinstance(index, int) or not 0 <= index < CANDIDATES_MAX:
            return None
        candidate = self._candidates.get(index)
        if candidate is None:
            candidate = self._candidates[index] = CandidateStream(index, thoughts=self._thoughts)
        return candidate.add(choice)

    def _whole(self, candidates: list[dict[str, Any]]) -> dict[str, Any]:
        response: dict[str, Any] = {"candidates": candidates}
        if self._model:
            response["modelVersion"] = self._model
        response["responseId"] = self._id or self._request_id
        return response


def _id_in(data: bytes) -> str:
    try:
        return _HEAD.decode(data).responseId or ""
    except _UNREADABLE:
        return ""
