"""Anthropic's message and its stream events."""

from typing import Any

import msgspec

from halfopen.lab.anthropic.thinking import signature
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


def plain(question: Question, draft: Draft, answer_id: str, *, shown: bool = True) -> bytes:
    """The whole answer; `shown` says whether thoughts are more than their signature."""
    message = _message(question, answer_id)
    content = [_block(call) for call in draft.calls]
    if draft.text:
        content = [{"type": "text", "text": draft.text}]
    if draft.thoughts:
        text = "".join(draft.thoughts)
        thinking = {"type": "thinking", "thinking": text if shown else "", "signature": signature(text)}
        content.insert(0, thinking)
    message["content"] = content
    message["stop_reason"] = _STOP[draft.finish]
    message["stop_sequence"] = draft.stop_sequence
    message["usage"] = _usage(question, draft.output_tokens)
    return msgspec.json.encode(message)


def event(value: Json) -> bytes:
    """A server-sent event, named by its type."""
    return f"event: {value['type']}\ndata: ".encode() + msgspec.json.encode(value) + b"\n\n"


def stream(question: Question, draft: Draft, answer_id: str, *, shown: bool = True) -> tuple[Piece, ...]:
    """The answer as events, ended by `message_stop`."""
    start = {"type": "message_start", "message": _message(question, answer_id)}
    pieces = [Piece(PieceKind.OPENING, event(start))]
    for place, (block, deltas, call) in enumerate(_blocks(draft, shown=shown)):
        pieces.extend(_block_pieces(place, block, deltas, call))
    delta = {"stop_reason": _STOP[draft.finish], "stop_sequence": draft.stop_sequence}
    finish = {
        "type": "message_delta",
        "delta": delta,
        "usage": {"output_tokens": draft.output_tokens},
    }
    pieces.append(Piece(PieceKind.FINISH, event(finish)))
    pieces.append(Piece(PieceKind.DONE, event({"type": "message_stop"})))
    return tuple(pieces)


def _blocks(draft: Draft, *, shown: bool) -> list[tuple[Json, list[Json], int | None]]:
    """The content blocks: how each begins, its deltas, and which tool call it is."""
    blocks: list[tuple[Json, list[Json], int | None]] = []
    if draft.thoughts:
        deltas: list[Json] = [
            {"type": "thinking_delta", "thinking": text} for text in draft.thoughts if shown
        ]
        deltas.append({"type": "signature_delta", "signature": signature("".join(draft.thoughts))})
        blocks.append(({"type": "thinking", "thinking": "", "signature": ""}, deltas, None))
    if draft.pieces:
        words: list[Json] = [{"type": "text_delta", "text": text} for text in draft.pieces]
        blocks.append(({"type": "text", "text": ""}, words, None))
    for number, call in enumerate(draft.calls):
        parts: list[Json] = [
            {"type": "input_json_delta", "partial_json": part} for part in ("", *call.pieces)
        ]
        blocks.append(({**_block(call), "input": {}}, parts, number))
    return blocks


def _block_pieces(place: int, block: Json, deltas: list[Json], call: int | None) -> list[Piece]:
    start = {"type": "content_block_start", "index": place, "content_block": block}
    # A tool's block names the tool, which is a part of the answer already.
    pieces = [Piece(PieceKind.OPENING if call is None else PieceKind.CONTENT, event(start))]
    if place == 0:
        pieces.append(Piece(PieceKind.PING, PING))
    for delta in deltas:
        value = {"type": "content_block_delta", "index": place, "delta": delta}
        pieces.append(Piece(PieceKind.CONTENT, event(value), call=call))
    pieces.append(Piece(PieceKind.CLOSING, event({"type": "content_block_stop", "index": place})))
    return pieces
