"""A whole chat completion as Anthropic's message."""

from typing import Any

import msgspec

from halfopen.providers.chat import Chat
from halfopen.providers.clients.messages.answer_ids import CallIds, message_id
from halfopen.providers.clients.messages.said import Said, arguments_text, input_json, text_in
from halfopen.providers.clients.messages.stop import stop_fields
from halfopen.providers.clients.messages.thinking import hides_thinking
from halfopen.providers.clients.messages.usage import messages_usage, read_usage
from halfopen.providers.contract import Answer


class _Choice(msgspec.Struct, frozen=True):
    message: Said = Said()
    finish_reason: str | None = None
    stop_reason: msgspec.Raw = msgspec.Raw()


class _Completion(msgspec.Struct, frozen=True):
    choices: list[_Choice]
    id: msgspec.Raw = msgspec.Raw()
    model: msgspec.Raw = msgspec.Raw()
    usage: msgspec.Raw = msgspec.Raw()


_DECODER = msgspec.json.Decoder(_Completion)


def message_body(chat: Chat, answer: Answer) -> bytes:
    """Make the body of the client's answer from a chat completion that was found to be one.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: The message is of a shape that nobody
            can read. An answer without what it says would be worse than none.
    """
    completion = _DECODER.decode(answer.body)
    choice = completion.choices[0] if completion.choices else _Choice()
    said, answer_id = choice.message, message_id(text_in(completion.id))
    hides = chat.origin is not None and hides_thinking(chat.origin.value("thinking"))
    blocks = _blocks(said, CallIds(answer_id, chat), show_thinking=not hides)
    stop = stop_fields(
        choice.finish_reason or answer.finish_reason,
        calls=len(said.tool_calls or ()),
        refusal=said.refusal or "",
        matched=text_in(choice.stop_reason),
        stops=chat.value("stop") or (),
    )
    message = {
        "id": answer_id,
        "type": "message",
        "role": "assistant",
        "model": text_in(completion.model) or chat.model,
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
                "id": ids.of(text_in(call.id)),
                "name": (function.name if function else None) or "",
                "input": msgspec.Raw(input_json(arguments)),
            }
        )
    return blocks
