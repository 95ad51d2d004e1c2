"""A whole chat completion as a Response.

What both sides have is carried; for the rest there are rules, the same for whole answers and streams:

| in the chat completion | in the Response |
|---|---|
| `reasoning_content`, `reasoning` | a reasoning item before the message, its text as a summary: what other vendors show of a model's thoughts is a rendition, and clients know how to show summaries; no `encrypted_content` |
| `annotations` of type url_citation | annotations of the text; other citations are lost |
| `refusal` | a refusal part of the message; the status says why the answer ended |
| `logprobs` | logprobs of the text part; those of a refusal are lost |
| parallel `tool_calls` | a function_call item each, in their order |
| `n` | there is no such field; of several choices the first counts |
| `finish_reason` length, content_filter | status incomplete, with the reason max_output_tokens, content_filter |
| any other `finish_reason` | status completed |
| audio, images | lost: no request of this dialect asks for them |
"""  # noqa: E501 - a row of a table is a line

from typing import Any

import msgspec

from halfopen.providers.ask import plain_value
from halfopen.providers.chat import Chat
from halfopen.providers.clients.responses import ids
from halfopen.providers.clients.responses.output_item import (
    annotation_of,
    call_item,
    logprobs_of,
    message_item,
    reasoning_item,
    refusal_part,
    summary_part,
    text_part,
)
from halfopen.providers.clients.responses.response_object import (
    ended,
    item_status,
    response_object,
    usage_object,
)
from halfopen.providers.contract import Answer


def chat_to_responses(chat: Chat, answer: Answer) -> bytes:
    """Make the body of the answer. Never raises on an answer that was judged to be one."""
    completion = plain_value(answer.body)
    choice = completion["choices"][0]
    core = ids.core_of(str(completion.get("id") or ""))
    created = completion.get("created")
    response = response_object(
        chat,
        ids.response_id(core),
        created if isinstance(created, int) else 0,
        str(completion.get("model") or chat.model),
    )
    status = item_status(answer.finish_reason)
    response["output"] = output_of(choice.get("message") or {}, choice.get("logprobs"), core, status)
    response["usage"] = usage_object(completion.get("usage"))
    if isinstance(completion.get("service_tier"), str):
        response["service_tier"] = completion["service_tier"]
    return msgspec.json.encode(ended(response, answer.finish_reason))


def output_of(message: dict[str, Any], logprobs: Any, core: str, status: str) -> list[dict[str, Any]]:
    """The output items that a chat's message means.

    Args:
        message: The message of the first choice.
        logprobs: Of that choice.
        core: What the ids are made from.
        status: What the message and the calls say of themselves: completed or incomplete.
    """
    items: list[dict[str, Any]] = []
    text, thoughts = split_content(message.get("content"))
    thoughts = thoughts_in(message) or thoughts
    if thoughts:
        item = reasoning_item(ids.item_id("rs", core, len(items)))
        items.append(item | {"summary": [summary_part() | {"text": thoughts}]})
    parts = _message_parts(text, message, logprobs)
    calls = message.get("tool_calls")
    calls = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    if parts or not (calls or thoughts):
        item = message_item(ids.item_id("msg", core, len(items)))
        items.append(item | {"content": parts, "status": status})
    for call in calls:
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        identity = ids.item_id("fc", core, len(items))
        item = call_item(identity, str(call.get("id") or identity), str(function.get("name") or ""))
        items.append(item | {"arguments": arguments_text(function.get("arguments")), "status": status})
    return items


def _message_parts(text: str, message: dict[str, Any], logprobs: Any) -> list[dict[str, Any]]:
    parts = []
    if text:
        citations = message.get("annotations")
        annotations = [
            made
            for citation in (citations if isinstance(citations, list) else ())
            if (made := annotation_of(citation)) is not None
        ]
        parts.append(
            text_part() | {"text": text, "annotations": annotations, "logprobs": logprobs_of(logprobs)}
        )
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        parts.append(refusal_part() | {"refusal": refusal})
    return parts


def split_content(content: Any) -> tuple[str, str]:
    """The text and the thoughts of a message's content, which may be a list of parts of both kinds."""
    if isinstance(content, str):
        return content, ""
    text, thoughts = "", ""
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict):
            if isinstance(part.get("text"), str):
                text += part["text"]
            thinking = part.get("thinking")
            thoughts += split_content(thinking)[0]
    return text, thoughts


def thoughts_in(message: dict[str, Any]) -> str:
    """The reasoning of a message, by either of its names."""
    for name in ("reasoning_content", "reasoning"):
        thoughts = message.get(name)
        if isinstance(thoughts, str) and thoughts:
            return thoughts
    return ""


def arguments_text(arguments: Any) -> str:
    """A call's arguments as the text that they should be: some servers send an object."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else msgspec.json.encode(arguments).decode()
