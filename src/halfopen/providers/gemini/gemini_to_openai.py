"""A whole answer of generateContent as an OpenAI chat completion, or the fault that it is."""

from typing import Any

import msgspec

from halfopen import errors
from halfopen.model import Fault, Kind, Reply, Target
from halfopen.providers.chat import Chat
from halfopen.providers.contract import Answer
from halfopen.providers.creation import created_of
from halfopen.providers.emptiness import may_be_empty
from halfopen.providers.gemini.candidate import Candidate, FunctionCall, answer_id, call_id, read_candidates
from halfopen.providers.gemini.finish import blocked, finish_reason
from halfopen.providers.gemini.generation_config import candidates_asked
from halfopen.providers.gemini.tools import is_legacy
from halfopen.providers.gemini.usage import openai_usage, read_usage

UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What decoding bytes from an upstream can raise."""


def translate_answer(
    chat: Chat, target: Target, reply: Reply, *, created_s: int, native: bool = False
) -> Answer | Fault:
    """Judge and translate a 2xx reply. A good status proves nothing: the body must be an answer.

    Args:
        chat: The request.
        target: Who answered it.
        reply: The reply.
        created_s: The time of the answer in Unix seconds, where the reply gives none.
        native: Whether the client gets the reply as it is, so that it may hold what a chat completion
            can't carry.
    """
    try:
        whole = msgspec.json.decode(reply.body)
    except UNREADABLE:
        return errors.decode(reply) or _fault(reply, Kind.NOT_JSON)
    if not isinstance(whole, dict) or "error" in whole:
        return errors.decode(reply) or _fault(reply, Kind.MALFORMED_ANSWER, "not an object with candidates")
    candidates = read_candidates(whole.get("candidates"), native=native)
    if isinstance(candidates, str):
        return _fault(reply, Kind.MALFORMED_ANSWER, candidates)
    if not candidates:
        return blocked(whole.get("promptFeedback")) or _fault(reply, Kind.EMPTY_ANSWER, "no candidates")
    asked = candidates_asked(chat.deep)
    if len(candidates) != asked:
        problem = f"{len(candidates)} candidates where {asked} were asked for"
        return _fault(reply, Kind.MALFORMED_ANSWER, problem)
    identity = answer_id(whole.get("responseId"), reply.body)
    choices = []
    for candidate in sorted(candidates, key=lambda each: each.index):
        choice = _choice(candidate, identity, reply, chat)
        if isinstance(choice, Fault):
            return choice
        choices.append(choice)
    usage = read_usage(whole.get("usageMetadata"))
    completion = {
        "id": identity,
        "object": "chat.completion",
        "created": created_of(reply, created_s),
        "model": model_of(whole, target),
        "choices": choices,
    }
    if usage is not None:
        completion["usage"] = openai_usage(usage)
    return Answer(msgspec.json.encode(completion), choices[0]["finish_reason"], usage)


def model_of(whole: dict[str, Any], target: Target) -> str:
    """The model that answered, as the answer says, else the one that was asked."""
    version = whole.get("modelVersion")
    return version if isinstance(version, str) and version else target.model


def tool_call(call: FunctionCall, identity: str) -> dict[str, Any]:
    """A call in OpenAI's shape. Its signature goes where Google's own OpenAI endpoint puts it."""
    made: dict[str, Any] = {
        "id": identity,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }
    if call.signature is not None:
        made["extra_content"] = signature_content(call.signature)
    return made


def signature_content(signature: str) -> dict[str, Any]:
    """The `extra_content` that carries a thought signature to the client and back."""
    return {"google": {"thought_signature": signature}}


def _choice(candidate: Candidate, identity: str, reply: Reply, chat: Chat) -> dict[str, Any] | Fault:
    legacy = is_legacy(chat.deep)
    text = "".join(piece.text for piece in candidate.pieces)
    calls = [piece.call for piece in candidate.pieces if piece.call is not None]
    if candidate.finish is None:
        return _fault(reply, Kind.NO_FINISH, "a candidate without a finishReason")
    finish = finish_reason(candidate.finish, candidate.finish_message, called=bool(calls), legacy=legacy)
    if isinstance(finish, Fault):
        return finish
    others = any(piece.other for piece in candidate.pieces)
    empty = not (text or calls or others) and finish != "content_filter"
    if empty and not (finish == "stop" and may_be_empty(chat)):
        return _fault(
            reply, Kind.EMPTY_ANSWER, f"nothing in the candidate but finishReason {candidate.finish}"
        )
    if legacy and len(calls) > 1:
        return _fault(reply, Kind.MALFORMED_ANSWER, "several calls, and function_call has room for one")
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text if text or empty else None,
        "refusal": None,
    }
    if thoughts := "".join(piece.thought for piece in candidate.pieces):
        message["reasoning_content"] = thoughts
    if signatures := [piece.signature for piece in candidate.pieces if piece.signature is not None]:
        message["extra_content"] = signature_content(signatures[-1])
    if legacy and calls:
        message["function_call"] = {"name": calls[0].name, "arguments": calls[0].arguments}
    elif calls:
        message["tool_calls"] = [
            tool_call(call, call_id(call, identity, candidate.index, number))
            for number, call in enumerate(calls)
        ]
    return {
        "index": candidate.index,
        "message": message,
        "logprobs": candidate.logprobs,
        "finish_reason": finish,
    }


def _fault(reply: Reply, kind: Kind, problem: str = "") -> Fault:
    evidence = (problem,) if problem else ()
    message = f"Gemini's answer is unusable: {problem}." if problem else ""
    return errors.make(kind, message, status=reply.status, evidence=evidence, body=reply.body)
