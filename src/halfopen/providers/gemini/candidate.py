"""One candidate of Gemini's answer, whole or a piece of it, checked and taken apart."""

import hashlib
import math
import re
from dataclasses import dataclass
from typing import Any

import msgspec

_CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_READ = frozenset(("text", "thought", "thoughtSignature", "functionCall"))
_CARRIERS = frozenset(
    (
        "codeExecutionResult",
        "executableCode",
        "fileData",
        "functionResponse",
        "inlineData",
        "toolCall",
        "toolResponse",
    )
)
"""What a part may hold that OpenAI's chat format has no place for."""

Logprobs = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A call that the model asks for."""

    name: str
    arguments: str
    """The arguments as JSON text."""
    given_id: str | None
    signature: str | None


@dataclass(frozen=True, slots=True)
class Piece:
    """One part: text, a thought or a call; none of them for a signature that stands alone."""

    text: str = ""
    thought: str = ""
    call: FunctionCall | None = None
    signature: str | None = None
    """The thought signature of the text."""
    other: bool = False
    """Whether it is something that a chat completion can't carry."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate, or what one chunk of a stream adds to it."""

    index: int
    pieces: tuple[Piece, ...]
    finish: str | None
    finish_message: str
    logprobs: Logprobs | None
    """In OpenAI's shape."""


def read_candidates(value: Any, *, native: bool = False) -> list[Candidate] | str:
    """Read the `candidates` of an answer. Text says what is wrong with them.

    Args:
        value: The candidates.
        native: Whether the client gets them as they are, so that what a chat completion can't carry
            is fine.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        return "candidates is no list"
    candidates = []
    for place, each in enumerate(value):
        candidate = _candidate(each, place, native=native)
        if isinstance(candidate, str):
            return candidate
        candidates.append(candidate)
    if len({candidate.index for candidate in candidates}) != len(candidates):
        return "two candidates with one index"
    return candidates


def _candidate(value: Any, place: int, *, native: bool) -> Candidate | str:
    if not isinstance(value, dict):
        return "a candidate is no object"
    # A zero is left out of the JSON form of a protocol buffer, so the first candidate may lack it.
    index = value.get("index", place)
    if not isinstance(index, int) or isinstance(index, bool) or index < 0:
        return "a candidate's index is no number"
    content = value.get("content")
    if content is not None and not isinstance(content, dict):
        return "a candidate's content is no object"
    parts = content.get("parts") if content is not None else None
    if parts is not None and not isinstance(parts, list):
        return "a candidate's parts are no list"
    pieces = []
    for part in parts or ():
        piece = _piece(part)
        if isinstance(piece, str) and native and isinstance(part, dict):
            piece = Piece(other=True)
        if isinstance(piece, str):
            return piece
        pieces.append(piece)
    finish, said = value.get("finishReason"), value.get("finishMessage")
    if finish is not None and not isinstance(finish, str):
        return "a finishReason is no text"
    message = said if isinstance(said, str) else ""
    return Candidate(index, tuple(pieces), finish or None, message, _logprobs(value.get("logprobsResult")))


def _piece(part: Any) -> Piece | str:
    if not isinstance(part, dict):
        return "a part is no object"
    for name in part:
        # A field that nobody knows yet is remarks beside a text or a call, but may be all the rest says.
        if name in _CARRIERS or (name not in _READ and "text" not in part and "functionCall" not in part):
            return f"a part has {name[:40]}, which a chat completion can't carry"
    signature = part.get("thoughtSignature")
    signature = signature if isinstance(signature, str) and signature else None
    if (called := part.get("functionCall")) is not None:
        call = _call(called, signature)
        return call if isinstance(call, str) else Piece(call=call)
    text = part.get("text", "")
    if not isinstance(text, str):
        return "a part's text is no text"
    return Piece(thought=text) if part.get("thought") is True else Piece(text=text, signature=signature)


def _call(called: Any, signature: str | None) -> FunctionCall | str:
    if not isinstance(called, dict):
        return "a functionCall is no object"
    name, args, given_id = called.get("name"), called.get("args"), called.get("id")
    if not isinstance(name, str) or not name:
        return "a functionCall without a name"
    if args is not None and not isinstance(args, dict):
        return "a functionCall's args are no object"
    if called.get("willContinue") or called.get("partialArgs"):
        return "a functionCall came in pieces"
    arguments = msgspec.json.encode(args or {}).decode()
    return FunctionCall(name, arguments, given_id if isinstance(given_id, str) else None, signature)


def call_id(call: FunctionCall, answer_id: str, index: int, number: int) -> str:
    """The id of a tool call: Gemini's own, else one that follows from its place in the answer.

    OpenAI takes at most 40 characters, and other vendors only letters, digits, `_` and `-`; the
    history may go to them next. Nothing is drawn at random, so the same answer gives the same id.
    """
    if call.given_id is not None and _CALL_ID.fullmatch(call.given_id):
        return call.given_id
    seed = f"{answer_id}/{index}/{number}/{call.given_id or ''}"
    return f"call_{hashlib.sha256(seed.encode('utf-8', 'replace')).hexdigest()[:24]}"


def answer_id(response_id: Any, body: bytes) -> str:
    """The id of an answer: from Gemini's responseId, else from the bytes of the answer."""
    if isinstance(response_id, str) and response_id:
        return f"chatcmpl-{response_id}"
    return f"chatcmpl-{hashlib.sha256(body).hexdigest()[:24]}"


def _logprobs(result: Any) -> Logprobs | None:
    """Translate logprobsResult. Entries that make no sense are left out: nothing hangs on them."""
    chosen = result.get("chosenCandidates") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(chosen, list):
        return None
    tops = result.get("topCandidates")
    content = []
    for place, each in enumerate(chosen):
        token = _token(each)
        if token is None:
            continue
        top = tops[place] if isinstance(tops, list) and place < len(tops) else None
        others = top.get("candidates") if isinstance(top, dict) else None
        read = [_token(other) for other in others] if isinstance(others, list) else []
        content.append({**token, "top_logprobs": [other for other in read if other is not None]})
    return {"content": content, "refusal": None} if content else None


def _token(value: Any) -> dict[str, Any] | None:
    token = value.get("token") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(token, str):
        return None
    logprob = value.get("logProbability", 0.0)
    if not isinstance(logprob, int | float) or isinstance(logprob, bool) or not math.isfinite(logprob):
        return None
    return {"token": token, "logprob": float(logprob), "bytes": list(token.encode("utf-8", "replace"))}
