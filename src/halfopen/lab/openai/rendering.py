"""OpenAI's chat completion and its chunks."""

from typing import Any

import msgspec

from halfopen.lab.exchange import Piece, PieceKind
from halfopen.lab.question import Draft, Question, ToolUse

_FINISH = {"stop": "stop", "stop_sequence": "stop", "length": "length", "tools": "tool_calls"}
_FINGERPRINT = "fp_halfopenlab"
_ENCODE = msgspec.json.Encoder().encode
Json = dict[str, Any]


def _call(call: ToolUse) -> Json:
    return {
        "id": f"call_{call.id}",
        "type": "function",
        "function": {"name": call.name, "arguments": call.json},
    }


def _usage(question: Question, drafts: tuple[Draft, ...]) -> Json:
    spent = sum(draft.output_tokens for draft in drafts)
    return {
        "prompt_tokens": question.input_tokens,
        "completion_tokens": spent,
        "total_tokens": question.input_tokens + spent,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _choice(place: int, draft: Draft) -> Json:
    message: Json = {"role": "assistant", "content": None if draft.calls else draft.text, "refusal": None}
    if draft.calls:
        message["tool_calls"] = [_call(call) for call in draft.calls]
    message["annotations"] = []
    return {"index": place, "message": message, "logprobs": None, "finish_reason": _FINISH[draft.finish]}


def plain(question: Question, drafts: tuple[Draft, ...], answer_id: str, created: int) -> bytes:
    """The whole answer."""
    return _ENCODE(
        {
            "id": f"chatcmpl-{answer_id}",
            "object": "chat.completion",
            "created": created,
            "model": question.model,
            "choices": [_choice(place, draft) for place, draft in enumerate(drafts)],
            "usage": _usage(question, drafts),
            "service_tier": "default",
            "system_fingerprint": _FINGERPRINT,
        }
    )


def event(value: Json) -> bytes:
    """A server-sent event."""
    return b"data: " + _ENCODE(value) + b"\n\n"


def stream(question: Question, drafts: tuple[Draft, ...], answer_id: str, created: int) -> tuple[Piece, ...]:
    """The answer as chunks, ended by `[DONE]`."""

    def chunk(choices: list[Json], usage: Json | None = None) -> bytes:
        value: Json = {
            "id": f"chatcmpl-{answer_id}",
            "object": "chat.completion.chunk",
            "created": created,
            "model": question.model,
            "service_tier": "default",
            "system_fingerprint": _FINGERPRINT,
            "choices": choices,
        }
        if question.include_usage:
            value["usage"] = usage
        return event(value)

    def delta(place: int, content: Json, finish: str | None = None) -> bytes:
        return chunk([{"index": place, "delta": content, "logprobs": None, "finish_reason": finish}])

    pieces: list[Piece] = []
    for place, draft in enumerate(drafts):
        opening: Json = {"role": "assistant", "content": None if draft.calls else "", "refusal": None}
        pieces.append(Piece(PieceKind.OPENING, delta(place, opening)))
        pieces.extend(Piece(PieceKind.CONTENT, delta(place, {"content": text})) for text in draft.pieces)
        for number, call in enumerate(draft.calls):
            named = {"index": number, **_call(call), "function": {"name": call.name, "arguments": ""}}
            pieces.append(Piece(PieceKind.CONTENT, delta(place, {"tool_calls": [named]})))
            for text in call.pieces:
                part = {"index": number, "function": {"arguments": text}}
                pieces.append(Piece(PieceKind.CONTENT, delta(place, {"tool_calls": [part]}), call=number))
    for place, draft in enumerate(drafts):
        pieces.append(Piece(PieceKind.FINISH, delta(place, {}, _FINISH[draft.finish])))
    if question.include_usage:
        pieces.append(Piece(PieceKind.USAGE, chunk([], _usage(question, drafts))))
    pieces.append(Piece(PieceKind.DONE, b"data: [DONE]\n\n"))
    return tuple(pieces)
