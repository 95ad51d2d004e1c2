"""Writes OpenAI's chat completion chunks as server-sent events."""

from typing import Any

import msgspec

_encode = msgspec.json.encode


class ChunkWriter:
    """Writes the chunks of one answer; all of them carry its id and its model."""

    __slots__ = ("_head", "_tail")

    def __init__(self, message_id: str, model: str, *, include_usage: bool, created_s: int) -> None:
        """Begin an answer.

        Args:
            message_id: The answer's id.
            model: The model that answers.
            include_usage: Whether the client wants usage, which is null in all chunks but the last.
            created_s: When the answer was made, in Unix seconds.
        """
        self._head = (
            b'data: {"id":%s,"object":"chat.completion.chunk","created":%d,"model":%s,'
            b'"system_fingerprint":null,"choices":[' % (_encode(message_id), created_s, _encode(model))
        )
        self._tail = b'],"usage":null}\n\n' if include_usage else b"]}\n\n"

    def delta(self, delta: dict[str, Any]) -> bytes:
        """A piece of the answer."""
        return b'%s{"index":0,"delta":%s,"logprobs":null,"finish_reason":null}%s' % (
            self._head,
            _encode(delta),
            self._tail,
        )

    def finish(self, reason: str) -> bytes:
        """The end of the answer."""
        return b'%s{"index":0,"delta":{},"logprobs":null,"finish_reason":%s}%s' % (
            self._head,
            _encode(reason),
            self._tail,
        )

    def usage(self, usage: dict[str, Any]) -> bytes:
        """The token counts, in a chunk without choices."""
        return b'%s],"usage":%s}\n\n' % (self._head, _encode(usage))
