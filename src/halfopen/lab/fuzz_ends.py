"""Judges how a client's answer ended when the upstream sent spoiled bytes.

Rules
1. There is exactly one end. A whole answer ends as its dialect ends, once, and has no error; one that
   isn't whole has exactly one error, the last thing said, and no end of its dialect.
2. Nothing hangs, and nothing blames the gateway itself.
3. What isn't streamed is JSON of the dialect's own form.

| dialect | the end of a stream | an error in it |
|---|---|---|
| chat, completions | `data: [DONE]` | data with `error` |
| responses | `response.completed` or `response.incomplete` | event `error` |
| messages | event `message_stop` | event `error` |
| generate | the last chunk of the body | a bare object `error`, in an array its last element |
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from halfopen.http1.sse import EventTooLargeError, SseParser
from halfopen.http1.sse_event import SseEvent
from halfopen.lab.fuzz_client import FuzzAnswer, FuzzSeen
from halfopen.lab.fuzz_oracle import wrong_error

_MEMBER: Final[Mapping[str, str]] = {
    "chat": "choices",
    "completions": "choices",
    "responses": "output",
    "messages": "content",
    "generate": "candidates",
}
"""What a whole answer must have."""


def judge_end(client: str, seen: FuzzSeen) -> tuple[str, str | None]:
    """The outcome in a word, and what is wrong with it; None: nothing."""
    if seen.malformed:
        return "malformed", f"the answer is not HTTP: {seen.malformed}"
    if seen.hung:
        return "hung", "no answer and no end"
    if len(seen.answers) != 1:
        return "none", f"{len(seen.answers)} answers to one request"
    answer = seen.answers[0]
    if answer.status != 200:
        problem = None if answer.whole else "an error that is not whole"
        shape = {"messages": "messages", "generate": "generate"}.get(client, "openai")
        return str(answer.status), problem or wrong_error(answer, shape)
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if kind == "text/event-stream":
        return _judged_stream(client, answer)
    try:
        body = _decoded(answer.body or b"null")
    except ValueError as problem:
        body = None if answer.whole or client != "generate" else _broken_array(answer.body)
        if body is None:
            return "200", f"an answer that is not JSON: {problem}"
    if isinstance(body, list):
        return _judged_array(answer, body)
    if not answer.whole:
        return "200", "an answer that is not whole"
    if not isinstance(body, dict) or _MEMBER[client] not in body:
        return "200", f"an answer without {_MEMBER[client]}"
    return "200", None


def _decoded(data: bytes) -> Any:
    """JSON as it is, also with integers of thousands of digits. Raises ValueError."""
    return json.loads(data, parse_int=float)


def _judged_stream(client: str, answer: FuzzAnswer) -> tuple[str, str | None]:
    parser = SseParser()
    try:
        events = [each for each in parser.feed(answer.body) + parser.flush() if each.data or each.stray]
    except EventTooLargeError as problem:
        return "stream", str(problem)
    if client == "generate" and parser.tail.startswith(b'{"error"'):
        events.append(SseEvent(parser.tail, parser.tail))
    elif parser.tail:
        return "stream", f"half an event: {parser.tail[:80]!r}"
    ends = [at for at, event in enumerate(events) if _ENDS[client](event)]
    errors = [at for at, event in enumerate(events) if _is_error(event)]
    return _judged(answer, len(events), ends, errors, ended_by_event=client != "generate")


def _judged(
    answer: FuzzAnswer, count: int, ends: list[int], errors: list[int], *, ended_by_event: bool
) -> tuple[str, str | None]:
    if answer.whole:
        if errors:
            return "whole", "a proper end after an error"
        if ended_by_event and ends != [count - 1]:
            return "whole", f"ends at {ends} of {count} events"
        return "whole", None
    if len(errors) != 1 or errors[0] != count - 1:
        return "broken", f"errors at {errors} of {count} events, in a stream that is not whole"
    return "broken", "an end and an error" if ends else None


def _judged_array(answer: FuzzAnswer, body: list[Any]) -> tuple[str, str | None]:
    errors = [at for at, each in enumerate(body) if isinstance(each, dict) and "error" in each]
    return _judged(answer, len(body), [], errors, ended_by_event=False)


def _broken_array(body: bytes) -> Any:
    """A JSON array that lacks its end."""
    try:
        return _decoded(body + b"]")
    except ValueError:
        return None


def _value(event: SseEvent) -> Any:
    try:
        return _decoded(event.data or event.stray)
    except ValueError:
        return None


def _is_error(event: SseEvent) -> bool:
    value = _value(event)
    kind = value.get("type") if isinstance(value, dict) else None
    has_error = isinstance(value, dict) and value.get("error") is not None
    return (
        event.event == "error"
        or kind in ("error", "response.failed")
        or (has_error and "halfopen" in str(value))
    )


def _is_done(event: SseEvent) -> bool:
    return event.data == b"[DONE]"


def _is_completed(event: SseEvent) -> bool:
    value = _value(event)
    return isinstance(value, dict) and value.get("type") in ("response.completed", "response.incomplete")


def _is_stop(event: SseEvent) -> bool:
    value = _value(event)
    return isinstance(value, dict) and value.get("type") == "message_stop"


_ENDS: Final[Mapping[str, Callable[[SseEvent], bool]]] = {
    "chat": _is_done,
    "completions": _is_done,
    "responses": _is_completed,
    "messages": _is_stop,
    "generate": lambda _: False,
}
