"""A streamed chat completion as the events of the Responses API.

Rules
1. The first event is `response.created`, then `response.in_progress`; the last is
   `response.completed` or `response.incomplete` with the whole response, or one `error`.
2. Numbers go up by one; what is added is also done; deltas and `done` say the same text.
3. OpenAI's own events pass as they came and are read along. When another provider goes on with the
   answer, it goes on in the same response: in the open part of the open item where there is one.
4. The last event waits for `finish()`, since the token counts come after the finish reason. OpenAI's
   own last event holds them and passes at once.
5. Text, reasoning and refusals each have an open item until another kind begins. Calls stay open to
   the end: pieces of parallel calls may be mixed.

What becomes of reasoning, citations, refusals, log-probabilities and parallel calls is in
`chat_to_responses`. An answer that OpenAI began and another provider finished has OpenAI's id, but
nothing is stored under it.
"""

from typing import Any

import msgspec

from halfopen.http1.sse import SseParser, parse_event
from halfopen.http1.sse_event import SseEvent
from halfopen.model import Usage
from halfopen.providers.chat import Chat
from halfopen.providers.client import Failure
from halfopen.providers.clients.gathered_calls import GatheredCall, GatheredCalls
from halfopen.providers.clients.responses import ids
from halfopen.providers.clients.responses.chat_to_responses import (
    arguments_text,
    split_content,
    thoughts_in,
)
from halfopen.providers.clients.responses.error import error_event
from halfopen.providers.clients.responses.event import read_event
from halfopen.providers.clients.responses.item_events import ItemEvents
from halfopen.providers.clients.responses.observed_output import ObservedOutput
from halfopen.providers.clients.responses.output_item import (
    Item,
    Part,
    annotation_of,
    call_item,
    logprobs_of,
    message_item,
    reasoning_item,
    refusal_part,
    summary_part,
    text_part,
)
from halfopen.providers.clients.responses.response_object import (
    ended,
    item_status,
    response_object,
    usage_object,
)
from halfopen.providers.contract import StreamEvent, StreamKind


class ResponsesWriter:
    """Writes one streamed Response. Implements `Writer`."""

    __slots__ = (
        "_calls",
        "_chat",
        "_core",
        "_created_s",
        "_current",
        "_events",
        "_gathered",
        "_is_over",
        "_model",
        "_output",
        "_passing",
        "_reason",
        "_service_tier",
        "_usage",
    )

    content_type = "text/event-stream; charset=utf-8"

    def __init__(self, chat: Chat, *, request_id: str, created_s: int) -> None:
        """Begin the answer to a request.

        Args:
            chat: The translated request.
            request_id: Ours; the ids of what OpenAI did not make are made from it.
            created_s: When the answer begins, in Unix seconds.
        """
        self._chat = chat
        self._core = ids.core_of(request_id)
        self._created_s = created_s
        self._output = ObservedOutput()
        self._events = ItemEvents(self._output)
        self._passing = False
        """Whether the events so far were OpenAI's own."""
        self._current: Item | None = None
        """The message or the reasoning that is being written."""
        self._gathered = GatheredCalls()
        """Tells which call a piece belongs to."""
        self._calls: dict[GatheredCall, Item] = {}
        """The calls that are being written."""
        self._model = chat.model
        self._reason: str | None = None
        self._usage: dict[str, Any] | None = None
        self._service_tier: str | None = None
        self._is_over = False

    def write(self, event: StreamEvent) -> bytes:
        """The client's bytes for one event."""
        if self._is_over:
            return b""
        if event.native and (self._passing or self._output.response is None):
            return self._pass(event.native)
        if event.kind is StreamKind.PING:
            return self.ping()
        said = b"".join([self._chunk(each.data) for each in _events_in(event.data)])
        if event.usage is not None and self._usage is None:
            self._usage = _usage_of(event.usage)
        if event.kind is StreamKind.FINISH:
            self._reason = event.finish_reason or self._reason
            said += self._begun() + self._close_all()
        return said

    def finish(self) -> bytes:
        """The last event, with the whole response."""
        if self._is_over:
            return b""
        said = self._begun() + self._close_all()
        self._is_over = True
        response = self._response() | {"usage": self._usage}
        if self._service_tier is not None:
            response["service_tier"] = self._service_tier
        response["output"] = self._output.whole("completed")
        response = ended(response, self._reason)
        return said + self._events.say(f"response.{response['status']}", {"response": response})

    def error(self, failure: Failure) -> bytes:
        """The one error event; nothing when the answer has had its end."""
        if self._is_over:
            return b""
        self._is_over = True
        return error_event(failure, self._output.sequence_number)

    def ping(self) -> bytes:
        """A comment; it carries nothing."""
        return b": keep-alive\n\n"

    def comment(self, text: str) -> bytes:
        """A remark that clients pass over."""
        return b": " + text.encode("ascii", "replace") + b"\n\n"

    def _pass(self, native: bytes) -> bytes:
        """OpenAI's own events, noted."""
        for each in _events_in(native):
            event = read_event(each.data) if each.data else None
            if event is not None:
                self._output.read(event)
                self._passing = self._passing or self._output.response is not None
        self._is_over = self._output.is_over
        return native

    def _begun(self) -> bytes:
        """The opening, before anything else of ours; or the change from OpenAI's events to ours."""
        if self._passing:
            self._passing = False
            return self._take_over()
        if self._output.response is not None:
            return b""
        response = response_object(self._chat, ids.response_id(self._core), self._created_s, self._model)
        self._output.response = response
        said = self._events.say("response.created", {"response": response})
        return said + self._events.say("response.in_progress", {"response": response})

    def _take_over(self) -> bytes:
        """Close what OpenAI left open, but for a last item that can be gone on with."""
        items = self._output.items
        last = items[max(items)] if items else None
        if last is not None and last.open and last.kind in ("message", "reasoning"):
            self._current = last
        return b"".join(
            [
                self._events.close_item(items[index], "completed")
                for index in sorted(items)
                if items[index] is not self._current
            ]
        )

    def _response(self) -> dict[str, Any]:
        response = self._output.response
        assert response is not None
        return response

    def _chunk(self, data: bytes) -> bytes:
        """The events that one chunk means."""
        chunk = _decoded(data)
        if chunk is None:
            return b""
        if isinstance(chunk.get("model"), str) and chunk["model"]:
            self._model = chunk["model"]
        if isinstance(chunk.get("service_tier"), str):
            self._service_tier = chunk["service_tier"]
        self._usage = usage_object(chunk.get("usage")) or self._usage
        said = self._begun()
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            # A Response is one answer: of further choices nothing can be told.
            if isinstance(choice, dict) and choice.get("index", 0) == 0:
                said += self._choice(choice)
        return said

    def _choice(self, choice: dict[str, Any]) -> bytes:
        delta = choice.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        said = b""
        text, thoughts = split_content(delta.get("content"))
        thoughts = thoughts_in(delta) or thoughts
        if thoughts:
            said += self._text("reasoning", summary_part(), thoughts, [])
        logprobs = logprobs_of(choice.get("logprobs"))
        if text or (logprobs and self._current is not None and self._current.kind == "message"):
            said += self._text("message", text_part(), text, logprobs)
        refusal = delta.get("refusal")
        if isinstance(refusal, str) and refusal:
            said += self._text("message", refusal_part(), refusal, [])
        citations = delta.get("annotations")
        for citation in citations if isinstance(citations, list) else ():
            said += self._annotation(annotation_of(citation))
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                said += self._call(call)
        if isinstance(choice.get("finish_reason"), str):
            self._reason = choice["finish_reason"]
        return said

    def _text(self, kind: str, new: dict[str, Any], text: str, logprobs: list[dict[str, Any]]) -> bytes:
        """Add text to the open part of the open item, or to new ones of the kind."""
        said, item = self._item(kind)
        parts = item.summary if new["type"] == "summary_text" else item.content
        part = parts[-1] if parts else None
        if part is None or not part.open or part.is_said or part.kind != new["type"]:
            said += b"".join([self._events.close_part(item, each) for each in item.parts])
            part = Part(new)
            said += self._events.open_part(item, part)
        return said + self._events.add_text(item, part, text, logprobs)

    def _item(self, kind: str) -> tuple[bytes, Item]:
        """The open item of a kind, with what it takes to open it."""
        if self._current is not None and self._current.kind == kind:
            return b"", self._current
        said = self._close_current("completed")
        index = len(self._output.items)
        value = (
            message_item(ids.item_id("msg", self._core, index))
            if kind == "message"
            else reasoning_item(ids.item_id("rs", self._core, index))
        )
        item = self._current = self._output.add(value)
        return said + self._events.open_item(item), item

    def _annotation(self, annotation: dict[str, Any] | None) -> bytes:
        if annotation is None or self._current is None:
            return b""
        content = self._current.content
        part = content[-1] if content else None
        if part is None or not part.open or part.is_said or part.kind != "output_text":
            return b""
        return self._events.add_annotation(self._current, part, annotation)

    def _call(self, call: dict[str, Any]) -> bytes:
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        number, call_id, name = call.get("index"), call.get("id"), function.get("name")
        gathered = self._gathered.add(
            number if isinstance(number, int) else None,
            None if call_id is None else str(call_id),
            name if isinstance(name, str) else None,
            "",  # the item keeps the arguments
        )
        item, said = self._calls.get(gathered), b""
        if item is None:
            said = self._close_current("completed")
            identity = ids.item_id("fc", self._core, len(self._output.items))
            value = call_item(identity, gathered.id or identity, gathered.name)
            item = self._calls[gathered] = self._output.add(value)
            said += self._events.open_item(item)
        arguments = arguments_text(function.get("arguments"))
        return said + (self._events.add_arguments(item, arguments) if arguments else b"")

    def _close_current(self, status: str) -> bytes:
        item, self._current = self._current, None
        return b"" if item is None else self._events.close_item(item, status)

    def _close_all(self) -> bytes:
        """Close what is open at the end."""
        status = item_status(self._reason)
        said = self._close_current(status)
        for item in self._calls.values():
            said += self._events.close_item(item, status)
        return said


def _events_in(data: bytes) -> list[SseEvent]:
    """The events in a piece of a stream, which are whole."""
    if data.count(b"\n\n") == 1 and data.endswith(b"\n\n") and b"\r" not in data:
        return [parse_event(data)]
    parser = SseParser()
    return [*parser.feed(data), *parser.flush()] if data else []


def _decoded(data: bytes) -> dict[str, Any] | None:
    """A chunk; None: it is none."""
    if not data:
        return None
    try:
        chunk = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return chunk if isinstance(chunk, dict) else None


def _usage_of(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
