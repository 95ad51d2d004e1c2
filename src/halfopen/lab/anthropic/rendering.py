"""Anthropic's message and its stream events."""

from typing import Any

import msgspec

from halfopen.lab.exchange import Piece, PieceKind
from halfopen.lab.question import Draft, Question, ToolUse

_STOP = {"stop": "end_turn", "stop_sequence": "stop_sequence", "length": "max_tokens", "tools": "tool_use"}
Json = dict[str, Any]
PING = b'event: ping\ndata: {"type": "ping"}\n\n'


def _block(call: ToolUse) -> Json:
    return {"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name, "input": call.arguments}


def _usage(question: Question, output_tokens: int) -> Json:
    return {
        "input_tokens": question.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }


def _message(question: Question, answer_id: str) -> Json:
    return {
        "id": f"msg_{answer_id}",
        "type": "message",
        "role": "assistant",
        "model": question.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(question, 1),
    }


def plain(question: Question, draft: Draft, answer_id: str) -> bytes:
    """The whole answer."""
    message = _message(question, answer_id)
    message["content"] = [_block(call) for call in draft.calls]
    if draft.text:
        message["content"] = [{"type": "text", "text": draft.text}]
    message["stop_reason"] = _STOP[draft.finish]
    message["stop_sequence"] = draft.stop_sequence
    message["usage"] = _usage(question, draft.output_tokens)
    return msgspec.json.encode(message)


def event(value: Json) -> bytes:
    """A server-sent event, named by its type."""
    return f"event: {value['type']}\ndata: ".encode() + msgspec.json.encode(value) + b"\n\n"


def stream(question: Question, draft: Draft, answer_id: str) -> tuple[Piece, ...]:
    """The answer as events, ended by `message_stop`."""
    start = {"type": "message_start", "message": _message(question, answer_id)}
    pieces = [Piece(PieceKind.OPENING, event(start))]
    blocks: list[tuple[Json, list[Json]]] = [
        (
            {**_block(call), "input": {}},
            [{"type": "input_json_delta", "partial_json": part} for part in _parts(call.json)],
        )
        for call in draft.calls
    ]
    if draft.pieces:
        deltas: list[Json] = [{"type": "text_delta", "text": text} for text in draft.pieces]
        blocks = [({"type": "text", "text": ""}, deltas)]
    for place, (block, deltas) in enumerate(blocks):
        pieces.extend(_block_pieces(place, block, deltas))
    delta = {"stop_reason": _STOP[draft.finish], "stop_sequence": draft.stop_sequence}
    finish = {
        "type": "message_delta",
        "delta": delta,
        "usage": {"output_tokens": draft.output_tokens},
    }
    pieces.append(Piece(PieceKind.FINISH, event(finish)))
    pieces.append(Piece(PieceKind.DONE, event({"type": "message_stop"})))
    return tuple(pieces)


def _block_pieces(place: int, block: Json, deltas: list[Json]) -> list[Piece]:
    start = {"type": "content_block_start", "index": place, "content_block": block}
    # A tool's block names the tool, which is a part of the answer already.
    pieces = [Piece(PieceKind.OPENING if block["type"] == "text" else PieceKind.CONTENT, event(start))]
    if place == 0:
        pieces.append(Piece(PieceKind.PING, PING))
    for delta in deltas:
        value = {"type": "content_block_delta", "index": place, "delta": delta}
        pieces.append(Piece(PieceKind.CONTENT, event(value)))
    pieces.append(Piece(PieceKind.CLOSING, event({"type": "content_block_stop", "index": place})))
    return pieces


def _parts(text: str) -> list[str]:
    middle = max(1, len(text) // 2)
    return ["", *(part for part in (text[:middle], text[middle:]) if part)]
