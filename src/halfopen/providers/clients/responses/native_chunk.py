"""Events of the Responses API as chunks of a chat completion, for whoever goes on in their place."""

from typing import Any

import msgspec

from halfopen.providers.clients.responses.native_answer import Response, usage_of

_encode = msgspec.json.encode


class ChunkMaker:
    """Makes the chunks of one answer."""

    __slots__ = ("_calls", "_created_s", "_id", "_is_begun", "_model")

    def __init__(self, model: str, created_s: int) -> None:
        """Begin an answer that has not said yet who gives it."""
        self._id = "chatcmpl-response"
        self._model = model
        self._created_s = created_s
        self._is_begun = False
        self._calls: dict[int, int] = {}
        """The number of each call in the chat, by the place of its item."""

    @property
    def has_calls(self) -> bool:
        """Whether any call has come."""
        return bool(self._calls)

    def has_call(self, place: int) -> bool:
        """Whether the item in a place of the output is a call that has come."""
        return place in self._calls

    def begun(self, response: Response) -> bytes:
        """The role, once."""
        self._id = response.id or self._id
        self._model = response.model or self._model
        if self._is_begun:
            return b""
        self._is_begun = True
        return self.delta({"role": "assistant", "content": ""})

    def delta(self, delta: dict[str, Any]) -> bytes:
        """A piece of the answer."""
        return self._chunk([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}])

    def text(self, text: str, logprobs: Any) -> bytes:
        """A piece of text, with its log-probabilities when there are any."""
        if not isinstance(logprobs, list) or not logprobs:
            return self.delta({"content": text})
        nothing: dict[str, Any] = {"bytes": None, "top_logprobs": []}
        content = [nothing | each for each in logprobs if isinstance(each, dict)]
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
        return self._chunk([choice | {"logprobs": {"content": content, "refusal": None}}])

    def call(self, place: int, item: dict[str, Any]) -> bytes:
        """The beginning of a call."""
        number = self._calls[place] = len(self._calls)
        function = {"name": str(item.get("name") or ""), "arguments": ""}
        identity = item.get("call_id") or item.get("id") or ""
        return self.delta(
            {"tool_calls": [{"index": number, "id": str(identity), "type": "function", "function": function}]}
        )

    def arguments(self, place: int, arguments: str) -> bytes:
        """A piece of a call's arguments; nothing when the call never began."""
        number = self._calls.get(place)
        if number is None:
            return b""
        return self.delta({"tool_calls": [{"index": number, "function": {"arguments": arguments}}]})

    def citation(self, annotation: Any) -> bytes:
        """A citation of a web page; nothing for others, which a chat does not have."""
        if not isinstance(annotation, dict) or annotation.get("type") != "url_citation":
            return b""
        inner = {name: value for name, value in annotation.items() if name != "type"}
        return self.delta({"annotations": [{"type": "url_citation", "url_citation": inner}]})

    def finish(self, reason: str, usage: msgspec.Raw) -> bytes:
        """The end of the answer, and the token counts when there are any."""
        end = self._chunk([{"index": 0, "delta": {}, "logprobs": None, "finish_reason": reason}])
        counts = usage_of(usage)
        if counts is None:
            return end
        spent = {
            "prompt_tokens": counts.input_tokens,
            "completion_tokens": counts.output_tokens,
            "total_tokens": counts.input_tokens + counts.output_tokens,
            "prompt_tokens_details": {"cached_tokens": counts.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": counts.reasoning_tokens},
        }
        return end + self._chunk([], spent)

    def _chunk(self, choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> bytes:
        chunk = {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created_s,
            "model": self._model,
            "choices": choices,
            "usage": usage,
        }
        return b"data: " + _encode(chunk) + b"\n\n"
