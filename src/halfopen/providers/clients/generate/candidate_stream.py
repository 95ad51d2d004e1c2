"""One candidate of a streamed answer: what chunks of a chat completion add to it.

Rules
1. Text goes out as it comes. A tool call goes out whole: when another call has begun or other content
   follows, if its arguments are a JSON object by then, else at the finish. No piece of an object is
   an object, so a call whose pieces alternate with another's is whole when it goes out.
2. Calls go out in their order.
3. The last calls go out with the finishReason. The official client sends every response of a stream
   back as a content of its own, and an empty one would stand between the calls and their results.
4. Log-probabilities go with the next parts.
"""

from typing import Any

from halfopen.providers.clients.generate.chat_to_generate import citation_sources
from halfopen.providers.clients.generate.finish import finish_reason
from halfopen.providers.clients.generate.logprobs import Tokens, logprobs_result, tokens_of, total_of
from halfopen.providers.clients.generate.parts import Call, Calls, Part, malformed_message, said_parts


class CandidateStream:
    """Grows with each choice of its index."""

    __slots__ = (
        "_calls",
        "_malformed",
        "_reason",
        "_refused",
        "_sources",
        "_thoughts",
        "_token_count",
        "_token_total",
        "_tokens",
        "_told_calls",
        "index",
    )

    def __init__(self, index: int, *, thoughts: bool) -> None:
        """Begin a candidate; `thoughts`: whether the client wants to see them."""
        self.index = index
        self._thoughts = thoughts
        self._calls = Calls()
        self._told_calls = 0
        self._malformed: Call | None = None
        self._reason: str | None = None
        self._refused = False
        self._sources: list[dict[str, Any]] = []
        self._tokens: Tokens = []
        self._token_count = 0
        self._token_total = 0.0

    def add(self, choice: dict[str, Any]) -> dict[str, Any] | None:
        """Take a choice of a chunk; return the candidate that tells the client of it, if there is news."""
        delta = choice.get("delta")
        parts = self._said(delta) if isinstance(delta, dict) else []
        tokens = tokens_of(choice.get("logprobs"))
        self._tokens += tokens
        self._token_count += len(tokens)
        self._token_total += total_of(tokens)
        if isinstance(reason := choice.get("finish_reason"), str) and reason:
            self._reason = reason
        return self._told(parts) if parts else None

    def finished(self, reason: str | None) -> dict[str, Any]:
        """The last candidate: why it finished. `reason` stands in where no choice gave one."""
        parts = self._last_calls()
        candidate = self._told(parts or [{"text": ""}])
        candidate["finishReason"] = finish_reason(
            self._reason or reason or "", refused=self._refused, malformed=self._malformed is not None
        )
        if self._malformed is not None:
            candidate["finishMessage"] = malformed_message(self._malformed)
        if self._sources:
            candidate["citationMetadata"] = {"citationSources": self._sources}
        if self._token_count:
            candidate["avgLogprobs"] = self._token_total / self._token_count
        return candidate

    def _said(self, delta: dict[str, Any]) -> list[Part]:
        said = said_parts(delta, thoughts=self._thoughts)
        self._refused = self._refused or bool(delta.get("refusal"))
        self._sources += citation_sources(delta.get("annotations"), None)
        parts = [*self._whole_calls(len(self._calls.calls)), *said] if said else []
        pieces = delta.get("tool_calls")
        for piece in pieces if isinstance(pieces, list) else ():
            begun = len(self._calls.calls)
            self._calls.add(piece)
            if len(self._calls.calls) > begun:
                parts += self._whole_calls(begun)
        return parts

    def _whole_calls(self, end: int) -> list[Part]:
        """The calls that are whole and were not told, up to the first that is not; none from `end` on."""
        parts: list[Part] = []
        for call in self._calls.calls[self._told_calls : end]:
            part = call.part() if call.gathered.arguments.strip() else None
            if part is None:
                break
            self._told_calls += 1
            parts.append(part)
        return parts

    def _last_calls(self) -> list[Part]:
        """The calls that were not told. Nothing will be added to them."""
        parts: list[Part] = []
        for call in self._calls.calls[self._told_calls :]:
            if (part := call.part()) is not None:
                parts.append(part)
            else:
                self._malformed = self._malformed or call
        self._told_calls = len(self._calls.calls)
        return parts

    def _told(self, parts: list[Part]) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": self.index}
        if self._tokens:
            candidate["logprobsResult"] = logprobs_result(self._tokens)
            self._tokens = []
        return candidate
