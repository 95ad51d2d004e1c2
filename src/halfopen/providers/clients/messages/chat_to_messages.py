"""A whole chat completion as Anthropic's message."""

from typing import Any

import msgspec

from halfopen.providers.chat import Chat
from halfopen.providers.clients.messages.answer_ids import CallIds, message_id
from halfopen.providers.clients.messages.said import Said, arguments_text, input_json
from halfopen.providers.clients.messages.stop import stop_fields
from halfopen.providers.clients.messages.thinking import hides_thinking
from halfopen.providers.clients.messages.usage import messages_usage, read_usage
from halfopen.providers.contract import Answer


class _Choice(msgspec.Struct, frozen=True):
    message: Said = Said()
    finish_reason: str | None = None
    stop_reason: str | int | None = None


class _Completion(msgspec.Struct, frozen=True):
    choices: list[_Choice]
    id: str | None = None
    model: str | None = None
    usage: msgspec.Raw = msgspec.Raw()


_DECODER = msgspec.json.Decoder(_Completion)


def message_body(chat: Chat, answer: Answer) -> bytes:
    """Make the body of the client's answer from a chat completion that was found to be one.

    What its shape hides from the translation is left out, so this never raises.
    """
    try:
        completion = _DECODER.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        completion = _Completion([])
    choice = completion.choices[0] if completion.choices else _Choice()
    said, answer_id = choice.message, message_id(completion.id or "")
    origin = chat.origin
    blocks = _blocks(
        said, CallIds(answer_id), show_thinking=origin is None or not hides_thinking(origin.value("thinking"))
    )
    stop = stop_fields(
        choice.finish_reason or answer.finish_reason,
        calls=len(said.tool_calls or ()),
        refusal=said.refusal or "",
        matched=choice.stop_reason,
        stops=chat.value("stop") or (),
    )
    message = {
        "id": answer_id,
        "type": "message",
        "role": "assistant",
        "model": completion.model or chat.model,
        "content": blocks,
        **stop,
        "usage": read_usage(completion.usage) or messages_usage(answer.usage),
    }
    return msgspec.json.encode(message)


def _blocks(said: Said, ids: CallIds, *, show_thinking: bool) -> list[dict[str, Any]]:
    thinking, text = said.thinking_and_text()
    blocks: list[dict[str, Any]] = []
    if thinking and show_thinking:
        blocks.append({"type": "thinking", "thinking": thinking, "signature": ""})
    text += said.refusal or ""
    if text:
        blocks.append({"type": "text", "text": text})
    for call in said.tool_calls or ():
        function = call.function
        arguments = arguments_text(function.arguments if function else None)
        blocks.append(
            {
                "type": "tool_use",
                "id": ids.of(call.id),
                "name": (function.name if function else None) or "",
                "input": msgspec.Raw(input_json(arguments)),
            }
        )
    return blocks
