"""Judge an answer of the Responses API that passes as it came: is it really one?

Source: OpenAI's API reference, "The response object" (status, error, incomplete_details).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from halfopen import errors
from halfopen.model import Fault, Kind, Reply, Usage
from halfopen.providers.ask import Ask
from halfopen.providers.chat import Chat
from halfopen.providers.contract import Answer
from halfopen.providers.emptiness import may_be_empty
from halfopen.providers.openai.chunk import given


class _Input(msgspec.Struct):
    cached_tokens: int | None = None


class _Output(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Counts(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _Input | None = None
    output_tokens_details: _Output | None = None


class Response(msgspec.Struct):
    """A Response, as deep as the judgement needs."""

    id: str = ""
    model: str = ""
    status: str | None = None
    output: list[Any] | None = None
    incomplete_details: Any = None
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


_RESPONSE = msgspec.json.Decoder(Response)
_COUNTS = msgspec.json.Decoder(_Counts | None)

FAILED: Mapping[str, Kind] = {
    "bio_policy": Kind.CONTENT_FILTERED,
    "empty_image_file": Kind.INVALID_REQUEST,
    "failed_to_download_image": Kind.INVALID_REQUEST,
    "image_content_policy_violation": Kind.CONTENT_FILTERED,
    "image_file_not_found": Kind.INVALID_REQUEST,
    "image_file_too_large": Kind.INVALID_REQUEST,
    "image_parse_error": Kind.INVALID_REQUEST,
    "image_too_large": Kind.INVALID_REQUEST,
    "image_too_small": Kind.INVALID_REQUEST,
    "invalid_base64_image": Kind.INVALID_REQUEST,
    "invalid_image": Kind.INVALID_REQUEST,
    "invalid_image_format": Kind.INVALID_REQUEST,
    "invalid_image_mode": Kind.INVALID_REQUEST,
    "invalid_image_url": Kind.INVALID_REQUEST,
    "invalid_prompt": Kind.CONTENT_FILTERED,
    "misalignment_policy_violation": Kind.CONTENT_FILTERED,
    "unsupported_image_media_type": Kind.INVALID_REQUEST,
}
"""Codes of a failed response that blame the request. They come with a status of 200."""


def judge(chat: Chat, ask: Ask, reply: Reply) -> Answer | Fault:
    """Tell a whole answer, whose body passes byte for byte, from a fault. Never raises."""
    if reply.transport is not None or (reply.status is not None and not 200 <= reply.status < 300):
        return errors.decode(reply) or _malformed(reply, "The reply is no answer.")
    try:
        response = _RESPONSE.decode(reply.body)
        if not reply.body.isascii():
            reply.body.decode()  # the decoder does not look into what it skips
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        return errors.decode(reply) or _undecodable(reply, str(problem))
    if response.status is None and not given(response.error):
        return errors.decode(reply) or _malformed(reply, "The answer is no response: it has no status.")
    if response.status in ("queued", "in_progress") and ask.value("background") is True:
        return Answer(reply.body, response.status, usage_of(response.usage))
    finish = finish_of(chat, response, filled=is_filled(response.output or []))
    if isinstance(finish, Fault):
        return _with_reply(finish, reply)
    return Answer(reply.body, finish, usage_of(response.usage))


def finish_of(chat: Chat, response: Response, *, filled: bool) -> str | Fault:
    """Why a response ended, in the words of a chat completion; or why it is no answer.

    Args:
        chat: The translated request.
        response: A response that says that it has ended.
        filled: Whether any text, refusal, call or item of OpenAI's own came.
    """
    status = response.status
    if given(response.error) or status == "failed":
        return failed(response)
    if status == "cancelled":
        return errors.make(
            Kind.CANCELLED, "The response was cancelled before it was whole.", code="cancelled"
        )
    if status == "incomplete":
        return _reason_of(response)
    if status != "completed":
        return errors.make(
            Kind.NO_FINISH, f"The response has the status {str(status)[:40]!r}, so it may be cut."
        )
    if not filled and not may_be_empty(chat):
        message = "The response has no text, refusal or call, and the status 'completed'."
        return errors.make(Kind.EMPTY_ANSWER, message)
    items = response.output or []
    calls = any(isinstance(item, dict) and item.get("type") == "function_call" for item in items)
    return "tool_calls" if calls else "stop"


def _reason_of(response: Response) -> str:
    details = response.incomplete_details
    reason = details.get("reason") if isinstance(details, dict) else None
    return "content_filter" if reason == "content_filter" else "length"


def failed(response: Response) -> Fault:
    """The fault of a response that says that it failed."""
    error = _decoded(response.error)
    code = error.get("code") if isinstance(error, dict) else None
    kind = FAILED.get(code) if isinstance(code, str) else None
    if kind is not None and isinstance(error, dict):
        param = error.get("param")
        return errors.make(
            kind,
            str(error.get("message") or ""),
            status=200,
            code=str(code),
            param=param if isinstance(param, str) else None,
            evidence=(f"response.error.code = {code}",),
        )
    body = msgspec.json.encode({"error": error}) if error else b""
    fault = errors.decode_event(body, "error", "openai") if body else None
    return fault or errors.make(Kind.ERROR_EVENT, "The response failed, and no error says why.")


def _decoded(raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw) if raw else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def is_filled(output: list[Any]) -> bool:
    """Whether output items hold any answer: reasoning alone is none, and a message may be empty."""
    return any(_is_answer(item) for item in output if isinstance(item, dict))


def _is_answer(item: dict[str, Any]) -> bool:
    kind, content = item.get("type"), item.get("content")
    if kind == "message":
        parts = content if isinstance(content, list) else []
        return any(isinstance(part, dict) and (part.get("text") or part.get("refusal")) for part in parts)
    return kind is not None and kind != "reasoning"


def read_response(raw: msgspec.Raw) -> Response | None:
    """The response inside an event; None: there is none, or none that can be read."""
    try:
        return _RESPONSE.decode(raw) if raw else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def usage_of(raw: msgspec.Raw) -> Usage | None:
    """The token counts. None: there are none that make sense; odd counts never spoil an answer."""
    try:
        counts = _COUNTS.decode(raw) if raw else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if counts is None:
        return None
    read, written = counts.input_tokens_details, counts.output_tokens_details
    return Usage(
        input_tokens=_count(counts.input_tokens),
        output_tokens=_count(counts.output_tokens),
        cached_tokens=_count(read.cached_tokens) if read else 0,
        reasoning_tokens=_count(written.reasoning_tokens) if written else 0,
    )


def _count(tokens: int | None) -> int:
    return max(0, tokens or 0)


def _with_reply(fault: Fault, reply: Reply) -> Fault:
    body = reply.body[: errors.BODY_MAX_BYTES]
    return replace(fault, status=reply.status, body=body)


def _undecodable(reply: Reply, problem: str) -> Fault:
    if "truncated" in problem:
        message = "The answer ends in the middle of its JSON."
        return errors.make(Kind.CUT_BODY, message, status=reply.status, body=reply.body)
    return _malformed(reply, f"The answer is no response: {problem}.")


def _malformed(reply: Reply, message: str) -> Fault:
    return errors.make(Kind.MALFORMED_ANSWER, message, status=reply.status, body=reply.body)
