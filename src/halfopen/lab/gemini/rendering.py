"""Gemini's response and its stream."""

from typing import Any

import msgspec

from halfopen.lab.exchange import Piece, PieceKind
from halfopen.lab.question import Draft, Question

_FINISH = {"stop": "STOP", "stop_sequence": "STOP", "length": "MAX_TOKENS", "tools": "STOP"}
Json = dict[str, Any]


def _usage(question: Question, spent: int, thoughts: int) -> Json:
    thought = {"thoughtsTokenCount": thoughts} if thoughts else {}
    return {
        "promptTokenCount": question.input_tokens,
        "candidatesTokenCount": spent - thoughts,
        **thought,
        "totalTokenCount": question.input_tokens + spent,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": question.input_tokens}],
    }


def _response(
    question: Question, candidates: list[Json], spent: int, answer_id: str, *, thoughts: int = 0
) -> Json:
    return {
        "candidates": candidates,
        "usageMetadata": _usage(question, spent, thoughts),
        "modelVersion": question.model,
        "responseId": answer_id,
    }


def _call_parts(draft: Draft) -> list[Json]:
    return [{"functionCall": {"name": call.name, "args": call.arguments}} for call in draft.calls]


def _thoughts(draft: Draft) -> list[Json]:
    return [{"text": "".join(draft.thoughts), "thought": True}] if draft.thoughts else []


def _candidate(place: int, parts: list[Json], finish: str | None = None) -> Json:
    candidate: Json = {"content": {"parts": parts, "role": "model"}}
    if finish is not None:
        candidate["finishReason"] = finish
    candidate["index"] = place
    return candidate


def plain(question: Question, drafts: tuple[Draft, ...], answer_id: str) -> bytes:
    """The whole answer."""
    candidates = [
        _candidate(
            place, _thoughts(draft) + (_call_parts(draft) or [{"text": draft.text}]), _FINISH[draft.finish]
        )
        for place, draft in enumerate(drafts)
    ]
    spent = sum(draft.output_tokens for draft in drafts)
    thoughts = sum(len(draft.thoughts) for draft in drafts)
    value = _response(question, candidates, spent, answer_id, thoughts=thoughts)
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


Said = tuple[PieceKind, Json, int | None]
"""An event: what it is, its JSON, and which tool call is in it."""


def _said(question: Question, drafts: tuple[Draft, ...], answer_id: str) -> list[Said]:
    said: list[Said] = []
    for place, draft in enumerate(drafts):
        calls: list[tuple[Json, int | None]] = [
            (part, number) for number, part in enumerate(_call_parts(draft))
        ]
        words: list[tuple[Json, int | None]] = [({"text": text}, None) for text in draft.pieces]
        thoughts: list[tuple[Json, int | None]] = [(part, None) for part in _thoughts(draft)]
        for number, (part, call) in enumerate(thoughts + (calls or words), 1):
            spent = min(number, len(draft.thoughts))
            value = _response(
                question, [_candidate(place, [part])], number + spent, answer_id, thoughts=spent
            )
            said.append((PieceKind.CONTENT, value, call))
    spent = sum(draft.output_tokens for draft in drafts)
    thought = sum(len(draft.thoughts) for draft in drafts)
    for place, draft in enumerate(drafts):
        last = _candidate(place, [{"text": ""}], _FINISH[draft.finish])
        value = _response(question, [last], spent, answer_id, thoughts=thought)
        said.append((PieceKind.FINISH, value, None))
    return said


def event(value: Json) -> bytes:
    """A server-sent event, with the CRLF line ends that Gemini writes."""
    return b"data: " + msgspec.json.encode(value) + b"\r\n\r\n"


def stream(question: Question, drafts: tuple[Draft, ...], answer_id: str) -> tuple[Piece, ...]:
    """The answer as server-sent events (`alt=sse`)."""
    return tuple(
        Piece(kind, event(value), call=call) for kind, value, call in _said(question, drafts, answer_id)
    )


def array_event(value: Json, *, first: bool) -> bytes:
    """An element of the JSON array."""
    return (b"[" if first else b",") + msgspec.json.encode(value) + b"\r\n"


def array_stream(question: Question, drafts: tuple[Draft, ...], answer_id: str) -> tuple[Piece, ...]:
    """The answer as one JSON array in pieces (without `alt=sse`)."""
    pieces = [
        Piece(kind, array_event(value, first=number == 0), call=call)
        for number, (kind, value, call) in enumerate(_said(question, drafts, answer_id))
    ]
    return (*pieces, Piece(PieceKind.DONE, b"]\r\n"))
