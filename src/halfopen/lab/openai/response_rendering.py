"""OpenAI's response object and the events of its stream."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from halfopen.lab.exchange import Piece, PieceKind
from halfopen.lab.openai.response_reading import reasons
from halfopen.lab.question import Draft, Question

Json = dict[str, Any]


def response(body: Mapping[str, Any], answer_id: str, created: int) -> Json:
    """The response object while it is in progress, with the settings it was asked for."""
    text = {"format": {"type": "text"}, "verbosity": "medium", **(body.get("text") or {})}
    reasoning = body.get("reasoning") or {}
    effort = "medium" if reasons(body["model"]) else None
    return {
        "id": f"resp_{answer_id}",
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "max_tool_calls": body.get("max_tool_calls"),
        "model": body["model"],
        "output": [],
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "previous_response_id": body.get("previous_response_id"),
        "prompt_cache_key": body.get("prompt_cache_key"),
        "reasoning": {"effort": reasoning.get("effort") or effort, "summary": reasoning.get("summary")},
        "safety_identifier": body.get("safety_identifier"),
        "service_tier": "auto",
        "store": body.get("store") is not False,
        "temperature": body["temperature"] if body.get("temperature") is not None else 1.0,
        "text": text,
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": [_tool(tool) for tool in body.get("tools") or ()],
        "top_logprobs": body.get("top_logprobs") or 0,
        "top_p": body["top_p"] if body.get("top_p") is not None else 1.0,
        "truncation": body.get("truncation") or "disabled",
        "usage": None,
        "user": body.get("user"),
        "metadata": body.get("metadata") or {},
    }


def _tool(tool: Mapping[str, Any]) -> Json:
    if tool["type"] != "function":
        return dict(tool)
    return {"description": None, "parameters": None, **tool, "strict": tool.get("strict", True) is not False}


def completed(begun: Json, question: Question, draft: Draft, output: Sequence[Json]) -> Json:
    """The same response when it is over."""
    short = draft.finish == "length"
    return {
        **begun,
        "status": "incomplete" if short else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if short else None,
        "output": list(output),
        "service_tier": "default",
        "usage": {
            "input_tokens": question.input_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": draft.output_tokens,
            "output_tokens_details": {"reasoning_tokens": len(draft.thoughts)},
            "total_tokens": question.input_tokens + draft.output_tokens,
        },
    }


def _part(text: str) -> Json:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def output_of(question: Question, draft: Draft, answer_id: str) -> list[Json]:
    """The output items: reasoning where the model reasons, then a message or tool calls."""
    output: list[Json] = []
    if reasons(question.model):
        summary = [{"type": "summary_text", "text": "".join(draft.thoughts)}] if draft.thoughts else []
        output.append({"id": f"rs_{answer_id}", "type": "reasoning", "summary": summary})
    output.extend(
        {
            "id": f"fc_{call.id}{answer_id}",
            "type": "function_call",
            "status": "completed",
            "arguments": call.json,
            "call_id": f"call_{call.id}",
            "name": call.name,
        }
        for call in draft.calls
    )
    if not draft.calls:
        output.append(
            {
                "id": f"msg_{answer_id}",
                "type": "message",
                "status": "incomplete" if draft.finish == "length" else "completed",
                "content": [_part(draft.text)],
                "role": "assistant",
            }
        )
    return output


def event(value: Json) -> bytes:
    """A server-sent event, named by its type."""
    return f"event: {value['type']}\ndata: ".encode() + msgspec.json.encode(value) + b"\n\n"


class Script:
    """Writes the events of one stream in order, and numbers them."""

    def __init__(self, *, obfuscated: bool) -> None:
        """Nothing yet; `obfuscated` says whether deltas are padded, as OpenAI does unless told not to."""
        self.pieces: list[Piece] = []
        self._obfuscated = obfuscated

    def add(self, kind: PieceKind, type_: str, call: int | None = None, **fields: Any) -> None:
        """Add an event."""
        self._add(kind, type_, fields, None, call)

    def add_whole(self, kind: PieceKind, type_: str, fields: Json, bare: Json) -> None:
        """Add an event that repeats content, with what it is without any."""
        self._add(kind, type_, fields, bare, None)

    def _add(self, kind: PieceKind, type_: str, fields: Json, bare: Json | None, call: int | None) -> None:
        head: Json = {"type": type_, "sequence_number": len(self.pieces)}
        if "delta" in fields and self._obfuscated:
            fields = {**fields, "obfuscation": _padding(fields["delta"], len(self.pieces))}
        data = event({**head, **fields})
        empty = None if bare is None else event({**head, **fields, **bare})
        self.pieces.append(Piece(kind, data, call=call, bare=empty))


def _padding(delta: str, number: int) -> str:
    seed = f"{zlib.crc32(f'{number}{delta}'.encode()):08x}"
    return (seed * 2)[: 16 - len(delta) % 16]


def stream(
    begun: Json, question: Question, draft: Draft, output: Sequence[Json], *, obfuscated: bool
) -> tuple[Piece, ...]:
    """The answer as events, ended by response.completed or response.incomplete."""
    script = Script(obfuscated=obfuscated)
    script.add(PieceKind.OPENING, "response.created", response=begun)
    script.add(PieceKind.OPENING, "response.in_progress", response=begun)
    number = 0
    for place, item in enumerate(output):
        if item["type"] == "reasoning":
            _reasoning(script, place, item, draft)
        elif item["type"] == "message":
            _message(script, place, item, draft)
        else:
            _call(script, place, item, number, draft.calls[number].pieces)
            number += 1
    end = completed(begun, question, draft, output)
    script.add_whole(
        PieceKind.FINISH, f"response.{end['status']}", {"response": end}, {"response": {**end, "output": []}}
    )
    return tuple(script.pieces)


def _reasoning(script: Script, place: int, item: Json, draft: Draft) -> None:
    at: Json = {"item_id": item["id"], "output_index": place}
    begun = {**item, "summary": []}
    script.add(PieceKind.OPENING, "response.output_item.added", output_index=place, item=begun)
    if draft.thoughts:
        text = "".join(draft.thoughts)
        at["summary_index"] = 0
        empty = {"type": "summary_text", "text": ""}
        script.add(PieceKind.OPENING, "response.reasoning_summary_part.added", **at, part=empty)
        for thought in draft.thoughts:
            script.add(PieceKind.CONTENT, "response.reasoning_summary_text.delta", **at, delta=thought)
        script.add_whole(
            PieceKind.CLOSING, "response.reasoning_summary_text.done", {**at, "text": text}, {"text": ""}
        )
        whole = {**at, "part": {"type": "summary_text", "text": text}}
        script.add_whole(PieceKind.CLOSING, "response.reasoning_summary_part.done", whole, {"part": empty})
    done = {"output_index": place, "item": item}
    script.add_whole(PieceKind.CLOSING, "response.output_item.done", done, {"item": begun})


def _message(script: Script, place: int, item: Json, draft: Draft) -> None:
    at: Json = {"item_id": item["id"], "output_index": place, "content_index": 0}
    begun = {**item, "status": "in_progress", "content": []}
    script.add(PieceKind.OPENING, "response.output_item.added", output_index=place, item=begun)
    script.add(PieceKind.OPENING, "response.content_part.added", **at, part=_part(""))
    for text in draft.pieces:
        script.add(PieceKind.CONTENT, "response.output_text.delta", **at, delta=text, logprobs=[])
    whole = {**at, "text": draft.text, "logprobs": []}
    script.add_whole(PieceKind.CLOSING, "response.output_text.done", whole, {"text": ""})
    part = {**at, "part": _part(draft.text)}
    script.add_whole(PieceKind.CLOSING, "response.content_part.done", part, {"part": _part("")})
    done = {"output_index": place, "item": item}
    bare = {"item": {**item, "content": [_part("")]}}
    script.add_whole(PieceKind.CLOSING, "response.output_item.done", done, bare)


def _call(script: Script, place: int, item: Json, number: int, parts: Sequence[str]) -> None:
    at: Json = {"item_id": item["id"], "output_index": place}
    begun = {**item, "status": "in_progress", "arguments": ""}
    # The item names the tool, which is a part of the answer already.
    script.add(PieceKind.CONTENT, "response.output_item.added", output_index=place, item=begun)
    for part in parts:
        script.add(PieceKind.CONTENT, "response.function_call_arguments.delta", number, **at, delta=part)
    whole = {**at, "arguments": item["arguments"]}
    script.add_whole(PieceKind.CLOSING, "response.function_call_arguments.done", whole, {"arguments": ""})
    done = {"output_index": place, "item": item}
    script.add_whole(PieceKind.CLOSING, "response.output_item.done", done, {"item": begun})


def error_event(message: str, sent: Sequence[Piece], *, failed: bool) -> bytes:
    """An error in the middle of a stream: `error` as documented, or `response.failed`."""
    number = len(sent)
    begun = _first(sent)
    if failed and begun is not None:
        broken = {**begun, "status": "failed", "error": {"code": "server_error", "message": message}}
        return event({"type": "response.failed", "sequence_number": number, "response": broken})
    return event(
        {
            "type": "error",
            "sequence_number": number,
            "code": "server_error",
            "message": message,
            "param": None,
        }
    )


def _first(sent: Sequence[Piece]) -> Json | None:
    """The response object of the event that began the stream."""
    if not sent:
        return None
    data = sent[0].data.partition(b"data: ")[2]
    found: Json = msgspec.json.decode(data)["response"]
    return found
