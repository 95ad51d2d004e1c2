"""One candidate of a streamed answer: what chunks of a chat completion add to it.

Rules
1. Text goes out as it comes. A tool call goes out whole: when another call has begun or other content
   follows, if its arguments are a JSON object by then, else at the finish. No piece of an object is
   an object, so a call whose pieces alternate with another's is whole when it goes out.
2. Calls go out in their order.
3. Log-probabilities go with the next parts.
"""

from typing import Any

from halfopen.providers.clients.generate.chat_to_generate import citation_sources
from halfopen.providers.clients.generate.finish import finish_reason
from halfopen.providers.clients.generate.logprobs import Tokens, logprobs_result, tokens_of, total_of
from halfopen.providers.clients.generate.parts import Call, Part, malformed_message, said_parts

CALLS_MAX = 1024
"""Tool calls in one answer; an index beyond it is passed over."""


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
        "index",
    )

    def __init__(self, index: int, *, thoughts: bool) -> None:
        """Begin a candidate; `thoughts`: whether the client wants to see them."""
        self.index = index
        self._thoughts = thoughts
        self._calls: dict[int, Call] = {}
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
            parts += self._completed(all_of_them=True)
        return self._told(parts) if parts else None

    def finished(self, reason: str | None) -> dict[str, Any]:
        """The last candidate: why it finished. `reason` stands in where no choice gave one."""
        parts = self._completed(all_of_them=True)
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
        parts = [*self._completed(all_of_them=False), *said] if said else []
        pieces = delta.get("tool_calls")
        for piece in pieces if isinstance(pieces, list) else ():
            parts += self._called(piece)
        return parts

    def _called(self, piece: Any) -> list[Part]:
        index = piece.get("index", 0) if isinstance(piece, dict) else None
        if not isinstance(index, int) or index >= CALLS_MAX:
            return []
        before: list[Part] = []
        if index not in self._calls:
            before = self._completed(all_of_them=False)
            self._calls[index] = Call()
        self._calls[index].add(piece)
        return before

    def _completed(self, *, all_of_them: bool) -> list[Part]:
        """The calls that are whole, from the first on; at the finish all, whole or not."""
        parts: list[Part] = []
        for call in self._calls.values():
            if call.told:
                continue
            part = call.part() if all_of_them or call.arguments.strip() else None
            if part is None and not all_of_them:
                break
            call.told = True
            if part is None:
                self._malformed = self._malformed or call
            else:
                parts.append(part)
        return parts

    def _told(self, parts: list[Part]) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": self.index}
        if self._tokens:
            candidate["logprobsResult"] = logprobs_result(self._tokens)
            self._tokens = []
        return candidate
