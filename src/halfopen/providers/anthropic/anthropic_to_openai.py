"""Anthropic's whole message as OpenAI's chat completion."""

from typing import Any

import msgspec

from halfopen import errors
from halfopen.model import Fault, Kind, Reply
from halfopen.providers.anthropic.finish import finish_reason_of, json_finish_of
from halfopen.providers.anthropic.usage import Counts, openai_usage, usage_of
from halfopen.providers.anthropic.wants import Wants
from halfopen.providers.contract import Answer
from halfopen.providers.creation import created_of


class Refusal(msgspec.Struct, frozen=True):
    """Why the model stopped, when it refused."""

    explanation: str | None = None


class Block(msgspec.Struct, frozen=True):
    """One block of content: text, thinking or a tool call. Fields of other kinds are left alone."""

    type: str
    text: str = ""
    thinking: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")


class Message(msgspec.Struct, frozen=True):
    """Anthropic's answer, as far as OpenAI's has a place for it."""

    content: list[Block]
    id: str = ""
    model: str = ""
    stop_reason: str | None = None
    stop_details: Refusal | None = None
    usage: Counts = Counts()


_MESSAGE = msgspec.json.Decoder(Message)


def translate_answer(wants: Wants, reply: Reply, *, model: str, created_s: int) -> Answer | Fault:
    """Judge and translate a whole 2xx reply.

    Args:
        wants: What the client asked for.
        reply: The upstream's reply.
        model: The model that was asked, named where the reply names none.
        created_s: Unix seconds, for a reply without a date.
    """
    fault = errors.decode(reply)
    # Whether no content is a fault depends on the stop reason, which is judged below.
    if fault is not None and fault.kind is not Kind.EMPTY_ANSWER:
        return fault
    try:
        message = _MESSAGE.decode(reply.body)
        calls = [_call(block) for block in message.content if block.type == "tool_use"]
    except msgspec.ValidationError as problem:
        return fault or errors.make(
            Kind.MALFORMED_ANSWER,
            f"The answer is no message: {problem}",
            status=reply.status,
            body=reply.body,
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        return fault or errors.make(
            Kind.NOT_JSON, f"The answer is not JSON: {problem}", status=reply.status, body=reply.body
        )
    if not message.stop_reason:
        return errors.make(
            Kind.NO_FINISH, "The answer has no stop reason.", status=reply.status, body=reply.body
        )
    text = "".join(block.text for block in message.content if block.type == "text")
    if wants.json_mode:
        reason = json_finish_of(message.stop_reason, calls=len(calls))
        text, calls = "".join(call["function"]["arguments"] for call in calls), []
    else:
        reason = finish_reason_of(
            message.stop_reason,
            calls=len(calls),
            has_text=bool(text),
            legacy=wants.legacy,
            may_be_empty=wants.may_be_empty,
        )
    if isinstance(reason, Fault):
        return reason
    created = created_of(reply, created_s)
    body = _completion(message, text, calls, reason, created=created, legacy=wants.legacy)
    body["model"] = message.model or model
    return Answer(msgspec.json.encode(body), reason, usage_of(message.usage))


def _completion(
    message: Message,
    text: str,
    calls: list[dict[str, Any]],
    finish_reason: str,
    *,
    created: int,
    legacy: bool,
) -> dict[str, Any]:
    refusal = message.stop_details.explanation if message.stop_details else None
    said: dict[str, Any] = {
        "role": "assistant",
        "content": text if text or not (calls or finish_reason == "content_filter") else None,
        "refusal": refusal if finish_reason == "content_filter" else None,
    }
    thinking = "".join(block.thinking for block in message.content if block.type == "thinking")
    if thinking:
        said["reasoning_content"] = thinking
    if calls and legacy:
        said["function_call"] = calls[0]["function"]
    elif calls:
        said["tool_calls"] = calls
    return {
        "id": message.id,
        "object": "chat.completion",
        "created": created,
        "model": message.model,
        "choices": [{"index": 0, "message": said, "logprobs": None, "finish_reason": finish_reason}],
        "usage": openai_usage(message.usage),
        "system_fingerprint": None,
    }


def _call(block: Block) -> dict[str, Any]:
    """A tool call; its arguments are Anthropic's own bytes, so that no number changes on the way."""
    if not block.id or not block.name:
        raise msgspec.ValidationError("a tool call without an id or a name")
    if not isinstance(msgspec.json.decode(block.input), dict):
        raise msgspec.ValidationError("a tool call whose input is no object")
    arguments = bytes(block.input).decode("utf-8")
    return {"id": block.id, "type": "function", "function": {"name": block.name, "arguments": arguments}}
