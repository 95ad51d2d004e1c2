"""Generated answers of every vendor, whole on the wire, with the byte that completes their evidence.

The finish evidence is the vendors' own: a `finish_reason` for every choice (OpenAI's chats and
completions), `response.completed` (Responses), `message_stop` (Anthropic), a `finishReason` for every
candidate (Gemini). A plain answer is evident with the last brace of its JSON, and has the same words.
Some answers are made without it: they must never count as whole, however properly they end.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

_WORDS: Final = (
    "Hello",
    " wörld",
    " ☕",
    "\n",
    " data: [DONE]",
    '"finish_reason":"stop"',
    "}]}",
    "\\n\\n",
    " event: message_stop",
    "\u2028",
    '{"type":"message_stop"}',
    "\r\n\r\ndata: [DONE]\r\n\r\n",
    " finishReason STOP",
    "x" * 300,
)
"""What models say, with what only looks like evidence."""
_ARGUMENTS: Final = ('{"city":', ' "Zürich",', ' "note": "data: [DONE]"', "}")
_MODEL: Final = "m-1"


@dataclass(frozen=True, slots=True)
class Shape:
    """What an answer consists of."""

    texts: tuple[str, ...]
    """Pieces of the first choice's text."""
    calls: int
    """Tool calls after it."""
    choices: int
    evidence: bool
    """Whether it has finish evidence at all."""
    ends_openly: bool
    """Whether `[DONE]`, or what else follows the evidence, is left out."""


@dataclass(frozen=True, slots=True)
class Body:
    """A body, and where it becomes whole."""

    raw: bytes
    said_at: int | None
    """With fewer bytes no success is right. None: with no number of bytes."""


Event = tuple[str, Any, bool]
"""Name, data (text is sent as it is, all else as JSON) and whether it completes the evidence."""


def shape_of(rng: random.Random, *, calls: bool, choices: bool) -> Shape:
    """A shape."""
    texts = tuple(rng.choice(_WORDS) for _ in range(rng.randrange(1, 6)))
    return Shape(
        ("Well: ", *texts),
        rng.choice((0, 0, 1, 2)) if calls else 0,
        2 if choices and rng.random() < 0.2 else 1,
        rng.random() < 0.8,
        rng.random() < 0.3,
    )


# Streams.


def _chunk(choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": _MODEL}
    return {**head, "choices": choices, **more}


def _chat_events(shape: Shape, rng: random.Random) -> list[Event]:
    events: list[Event] = []

    def delta(index: int, said: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return _chunk([{"index": index, "delta": said, "finish_reason": finish}])

    for index in range(shape.choices):
        events.append(("", delta(index, {"role": "assistant", "content": ""}), False))
    for text in shape.texts:
        events += [("", delta(index, {"content": text}), False) for index in range(shape.choices)]
        if rng.random() < 0.2:
            events.append(("", delta(0, {}), False))
    for number in range(shape.calls):
        call = {"index": number, "id": f"call_{number}", "type": "function"}
        begun = {**call, "function": {"name": "get_time", "arguments": ""}}
        events.append(("", delta(0, {"tool_calls": [begun]}), False))
        for piece in _ARGUMENTS:
            said = {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}
            events.append(("", delta(0, said), False))
    reason = "tool_calls" if shape.calls else "stop"
    finishes = range(shape.choices) if shape.evidence else range(shape.choices - 1)
    events += [("", delta(index, {}, reason), index == shape.choices - 1) for index in finishes]
    if not shape.ends_openly:
        events.append(("", _chunk([], usage={"prompt_tokens": 3, "completion_tokens": 4}), False))
        events.append(("", "[DONE]", False))
    return events


def _completions_events(shape: Shape, rng: random.Random) -> list[Event]:
    def piece(index: int, text: str, finish: str | None = None) -> dict[str, Any]:
        choice = {"text": text, "index": index, "logprobs": None, "finish_reason": finish}
        return {
            "id": "cmpl-1",
            "object": "text_completion",
            "created": 1,
            "choices": [choice],
            "model": _MODEL,
        }

    events: list[Event] = [
        ("", piece(index, text), False) for text in shape.texts for index in range(shape.choices)
    ]
    finishes = range(shape.choices) if shape.evidence else range(shape.choices - 1)
    events += [("", piece(index, "", "stop"), index == shape.choices - 1) for index in finishes]
    if not shape.ends_openly:
        events.append(("", "[DONE]", False))
    return events


def _anthropic_events(shape: Shape, rng: random.Random) -> list[Event]:
    def event(kind: str, *, said: bool = False, **fields: Any) -> Event:
        return kind, {"type": kind, **fields}, said

    message = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": _MODEL}
    usage = {"input_tokens": 3, "output_tokens": 1}
    events = [event("message_start", message={**message, "stop_reason": None, "usage": usage})]
    events.append(event("content_block_start", index=0, content_block={"type": "text", "text": ""}))
    for text in shape.texts:
        if rng.random() < 0.2:
            events.append(event("ping"))
        events.append(event("content_block_delta", index=0, delta={"type": "text_delta", "text": text}))
    events.append(event("content_block_stop", index=0))
    for number in range(1, shape.calls + 1):
        block = {"type": "tool_use", "id": f"toolu_{number}", "name": "get_time", "input": {}}
        events.append(event("content_block_start", index=number, content_block=block))
        for piece in _ARGUMENTS:
            delta = {"type": "input_json_delta", "partial_json": piece}
            events.append(event("content_block_delta", index=number, delta=delta))
        events.append(event("content_block_stop", index=number))
    reason = "tool_use" if shape.calls else "end_turn"
    end = {"stop_reason": reason, "stop_sequence": None}
    if shape.evidence or shape.ends_openly:
        events.append(event("message_delta", delta=end, usage={"output_tokens": 9}))
    if shape.evidence:
        events.append(event("message_stop", said=True))
    return events


def _gemini_events(shape: Shape, rng: random.Random) -> list[Event]:
    def chunk(index: int, parts: list[dict[str, Any]], finish: str | None = None) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": index}
        if finish:
            candidate["finishReason"] = finish
        usage = {"promptTokenCount": 3, "totalTokenCount": 9}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": _MODEL, "responseId": "r1"}

    events: list[Event] = [
        ("", chunk(index, [{"text": text}]), False) for text in shape.texts for index in range(shape.choices)
    ]
    for _ in range(shape.calls):
        call = {"name": "get_time", "args": {"city": "Zürich", "note": "finishReason"}}
        events.append(("", chunk(0, [{"functionCall": call}]), False))
    finishes = range(shape.choices) if shape.evidence else range(shape.choices - 1)
    last = shape.choices - 1
    events += [("", chunk(index, [{"text": ""}], "STOP"), index == last) for index in finishes]
    return events


def _response(shape: Shape, status: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": "".join(shape.texts), "annotations": []}
    message = {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }
    calls = [
        {
            "type": "function_call",
            "id": f"fc_{number}",
            "call_id": f"call_{number}",
            "name": "get_time",
            "arguments": "".join(_ARGUMENTS),
            "status": "completed",
        }
        for number in range(shape.calls)
    ]
    output = [message, *calls] if status == "completed" else []
    return {"id": "resp_1", "object": "response", "created_at": 1, "status": status, "error": None} | {
        "incomplete_details": None,
        "model": _MODEL,
        "output": output,
        "usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7} if output else None,
    }


def _responses_events(shape: Shape, rng: random.Random) -> list[Event]:
    numbers = iter(range(10_000))

    def event(kind: str, *, said: bool = False, **fields: Any) -> Event:
        return kind, {"type": kind, "sequence_number": next(numbers), **fields}, said

    whole = _response(shape, "completed")
    events = [
        event(f"response.{kind}", response=_response(shape, "in_progress"))
        for kind in ("created", "in_progress")
    ]
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}
    place: dict[str, Any] = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": []}
    events.append(event("response.output_item.added", output_index=0, item=message))
    events.append(event("response.content_part.added", **place, part=part))
    events += [event("response.output_text.delta", **place, delta=text) for text in shape.texts]
    text = "".join(shape.texts)
    events.append(event("response.output_text.done", **place, text=text))
    events.append(event("response.content_part.done", **place, part={**part, "text": text}))
    events.append(event("response.output_item.done", output_index=0, item=whole["output"][0]))
    for number in range(1, shape.calls + 1):
        item = whole["output"][number]
        begun = {**item, "arguments": "", "status": "in_progress"}
        where: dict[str, Any] = {"item_id": item["id"], "output_index": number}
        events.append(event("response.output_item.added", output_index=number, item=begun))
        events += [
            event("response.function_call_arguments.delta", **where, delta=each) for each in _ARGUMENTS
        ]
        arguments = item["arguments"]
        events.append(event("response.function_call_arguments.done", **where, arguments=arguments))
        events.append(event("response.output_item.done", output_index=number, item=item))
    if shape.evidence:
        events.append(event("response.completed", said=True, response=whole))
    elif not shape.ends_openly:
        events.append(("", "[DONE]", False))
    return events


# Plain answers.


def _chat_plain(shape: Shape) -> Any:
    calls = [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": "get_time", "arguments": "".join(_ARGUMENTS)},
        }
        for number in range(shape.calls)
    ]
    message: dict[str, Any] = {"role": "assistant", "content": "".join(shape.texts)}
    reason = ("tool_calls" if calls else "stop") if shape.evidence else None
    choices = [
        {
            "index": index,
            "message": message | ({"tool_calls": calls} if calls else {}),
            "finish_reason": reason,
        }
        for index in range(shape.choices)
    ]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": _MODEL,
        "choices": choices,
    }


def _completions_plain(shape: Shape) -> Any:
    text, reason = "".join(shape.texts), "stop" if shape.evidence else None
    choices = [{"index": index, "text": text, "finish_reason": reason} for index in range(shape.choices)]
    return {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": _MODEL, "choices": choices}


def _anthropic_plain(shape: Shape) -> Any:
    content: list[Any] = [{"type": "text", "text": "".join(shape.texts)}]
    content += [
        {"type": "tool_use", "id": f"toolu_{number}", "name": "get_time", "input": {"city": "Zürich"}}
        for number in range(shape.calls)
    ]
    reason = ("tool_use" if shape.calls else "end_turn") if shape.evidence else None
    usage = {"input_tokens": 3, "output_tokens": 4}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": _MODEL}
    return head | {"content": content, "stop_reason": reason, "stop_sequence": None, "usage": usage}


def _gemini_plain(shape: Shape) -> Any:
    parts: list[Any] = [{"text": "".join(shape.texts)}]
    parts += [{"functionCall": {"name": "get_time", "args": {"city": "Zürich"}}} for _ in range(shape.calls)]
    finish = {"finishReason": "STOP"} if shape.evidence else {}
    candidates = [
        {"content": {"parts": parts, "role": "model"}, "index": index, **finish}
        for index in range(shape.choices)
    ]
    return {"candidates": candidates, "modelVersion": _MODEL, "responseId": "r1"}


def _responses_plain(shape: Shape) -> Any:
    whole = _response(shape, "completed")
    return whole if shape.evidence else whole | {"status": "in_progress"}


EVENTS: Final[Mapping[str, Callable[[Shape, random.Random], list[Event]]]] = MappingProxyType(
    {
        "chat": _chat_events,
        "completions": _completions_events,
        "responses": _responses_events,
        "anthropic": _anthropic_events,
        "gemini": _gemini_events,
    }
)
PLAIN: Final[Mapping[str, Callable[[Shape], Any]]] = MappingProxyType(
    {
        "chat": _chat_plain,
        "completions": _completions_plain,
        "responses": _responses_plain,
        "anthropic": _anthropic_plain,
        "gemini": _gemini_plain,
    }
)


def stream_body(vendor: str, shape: Shape, rng: random.Random) -> Body:
    """A stream's body, with comments here and there."""
    line_end = rng.choice((b"\n", b"\n", b"\r\n"))
    names, ascii_only = rng.random() < 0.9, rng.random() < 0.5
    raw, said_at = b"", None
    for name, data, said in EVENTS[vendor](shape, rng):
        if rng.random() < 0.1:
            raw += b": OPENROUTER PROCESSING" + line_end * 2
        if name and (names or vendor != "responses"):
            raw += b"event: " + name.encode() + line_end
        text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=ascii_only)
        raw += b"data: " + text.encode()
        said_at = len(raw) if said else said_at
        raw += line_end * 2
    return Body(raw, said_at)


def plain_body(vendor: str, shape: Shape, rng: random.Random) -> Body:
    """A plain answer's body."""
    text = json.dumps(PLAIN[vendor](shape), ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, 1)))
    raw = text.encode()
    return Body(raw + rng.choice((b"", b"\n", b"  \n")), len(raw) if shape.evidence else None)


# The wire.

CHUNKED, LENGTH, CLOSE = "chunked", "content-length", "until it closes"


@dataclass(frozen=True, slots=True)
class Wire:
    """An HTTP response, and how much of its body each number of its bytes has."""

    raw: bytes
    body_before: Sequence[int]
    """How many bytes of the body are among the first n bytes."""


def wire_of(body: bytes, content_type: str, framing: str, rng: random.Random) -> Wire:
    """A response with this body."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\n".encode()
    parts: list[tuple[bytes, bool]] = []
    if framing == LENGTH:
        head += b"content-length: %d\r\n\r\n" % len(body)
        parts.append((body, True))
    elif framing == CLOSE:
        head += b"\r\n"
        parts.append((body, True))
    else:
        head += b"transfer-encoding: chunked\r\n\r\n"
        at = 0
        while at < len(body):
            piece = body[at : at + rng.choice((1, 7, 60, 500, 4000))]
            at += len(piece)
            parts += [(b"%x\r\n" % len(piece), False), (piece, True), (b"\r\n", False)]
        parts.append((b"0\r\n\r\n", False))
    counts = [0] * (len(head) + 1)
    for data, is_body in parts:
        before = counts[-1]
        counts += range(before + 1, before + 1 + len(data)) if is_body else [before] * len(data)
    return Wire(head + b"".join(data for data, _ in parts), counts)
