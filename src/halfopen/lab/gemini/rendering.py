"""Gemini's response and its stream."""

from typing import Any

import msgspec

from halfopen.lab.exchange import Piece, PieceKind
from halfopen.lab.question import Draft, Question

_FINISH = {"stop": "STOP", "stop_sequence": "STOP", "length": "MAX_TOKENS", "tools": "STOP"}
Json = dict[str, Any]


def _usage(question: Question, spent: int) -> Json:
    return {
        "promptTokenCount": question.input_tokens,
        "candidatesTokenCount": spent,
        "totalTokenCount": question.input_tokens + spent,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": question.input_tokens}],
    }


def _response(question: Question, candidates: list[Json], spent: int, answer_id: str) -> Json:
    return {
        "candidates": candidates,
        "usageMetadata": _usage(question, spent),
        "modelVersion": question.model,
        "responseId": answer_id,
    }


def _call_parts(draft: Draft) -> list[Json]:
    return [{"functionCall": {"name": call.name, "args": call.arguments}} for call in draft.calls]


def _candidate(place: int, parts: list[Json], finish: str | None = None) -> Json:
    candidate: Json = {"content": {"parts": parts, "role": "model"}}
    if finish is not None:
        candidate["finishReason"] = finish
    candidate["index"] = place
    return candidate


def plain(question: Question, drafts: tuple[Draft, ...], answer_id: str) -> bytes:
    """The whole answer."""
    candidates = [
        _candidate(place, _call_parts(draft) or [{"text": draft.text}], _FINISH[draft.finish])
        for place, draft in enumerate(drafts)
    ]
    spent = sum(draft.output_tokens for draft in drafts)
    value = _response(question, candidates, spent, answer_id)
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _said(question: Question, drafts: tuple[Draft, ...], answer_id: str) -> list[tuple[PieceKind, Json]]:
    said: list[tuple[PieceKind, Json]] = []
    for place, draft in enumerate(drafts):
        parts = _call_parts(draft) or [{"text": text} for text in draft.pieces]
        for number, part in enumerate(parts, 1):
            value = _response(question, [_candidate(place, [part])], number, answer_id)
            said.append((PieceKind.CONTENT, value))
    for place, draft in enumerate(drafts):
        last = _candidate(place, [{"text": ""}], _FINISH[draft.finish])
        spent = sum(each.output_tokens for each in drafts)
        said.append((PieceKind.FINISH, _response(question, [last], spent, answer_id)))
    return said


def event(value: Json) -> bytes:
    """A server-sent event, with the CRLF line ends that Gemini writes."""
    return b"data: " + msgspec.json.encode(value) + b"\r\n\r\n"


def stream(question: Question, drafts: tuple[Draft, ...], answer_id: str) -> tuple[Piece, ...]:
    """The answer as server-sent events (`alt=sse`)."""
    return tuple(Piece(kind, event(value)) for kind, value in _said(question, drafts, answer_id))


def array_stream(question: Question, drafts: tuple[Draft, ...], answer_id: str) -> tuple[Piece, ...]:
    """The answer as one JSON array in pieces (without `alt=sse`)."""
    pieces: list[Piece] = []
    for number, (kind, value) in enumerate(_said(question, drafts, answer_id)):
        pieces.append(Piece(kind, (b"," if number else b"[") + msgspec.json.encode(value) + b"\r\n"))
    pieces.append(Piece(PieceKind.DONE, b"]\r\n"))
    return tuple(pieces)
