"""The conversation: OpenAI's messages as Anthropic's system text and alternating turns.

Rules
1. System and developer messages, wherever they stand, become the system text in their order. When
   there is nothing else, the last of them becomes the user's turn, since Anthropic needs one.
2. Neighbours of one role become one turn. A turn with nothing in it is left out.
3. The results of tool calls go into the user's turn after the call, before any other content.
4. A conversation must begin with the user: before an assistant's greeting goes a turn of one dot.
5. A last turn of the assistant is continued by the model (prefill), where the model can do that.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from halfopen.providers.anthropic.parts import Block, blocks_of, text_block, text_of
from halfopen.providers.anthropic.tool_ids import ToolIds
from halfopen.providers.anthropic.translation_error import TranslationError

_FIRST_TURN = "."
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation in Anthropic's form."""

    system: tuple[Block, ...]
    turns: tuple[dict[str, Any], ...]
    called: tuple[str, ...]
    """Names of the tools that were called in it, each once."""

    @property
    def prefilled(self) -> bool:
        """Whether the assistant's last turn is to be continued."""
        return bool(self.turns[-1]["role"] == "assistant")


def conversation_of(messages: object) -> Conversation:
    """Translate a conversation.

    Raises:
        TranslationError: It has something that Anthropic can't take.
    """
    if not isinstance(messages, list):
        raise TranslationError("messages is no list")
    building = _Building()
    for index, message in enumerate(messages):
        building.add(message, f"messages[{index}]")
    return building.finish()


def tool_name(name: object, where: str) -> str:
    """A tool's name, if Anthropic takes it."""
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise TranslationError(f"{where} has no tool name of 1 to 128 letters, digits, '_' or '-'")
    return name


class _Building:
    def __init__(self) -> None:
        self._system: list[Block] = []
        self._turns: list[dict[str, Any]] = []
        self._called: dict[str, None] = {}
        self._ids = ToolIds()

    def add(self, message: object, where: str) -> None:
        if not isinstance(message, dict):
            raise TranslationError(f"{where} is no message")
        role = message.get("role")
        content = message.get("content")
        if role in ("system", "developer"):
            self._system += blocks_of(content, where, only_text=True)
        elif role == "user":
            self._turn("user", _named(blocks_of(content, where), message.get("name")))
        elif role == "assistant":
            self._turn("assistant", self._assistant(message, where))
        elif role == "tool":
            self._turn("user", [self._result(message.get("tool_call_id"), "", content, where)])
        elif role == "function":
            self._turn("user", [self._result(message.get("name"), "function:", content, where)])
        else:
            raise TranslationError(f"{where} has the unknown role {role!r}")

    def finish(self) -> Conversation:
        turns = self._turns
        if not turns:
            if not self._system:
                raise TranslationError("no message has any content")
            turns = [{"role": "user", "content": [self._system.pop()]}]
        for turn in turns:
            if turn["role"] == "user":
                turn["content"].sort(key=lambda block: block["type"] != "tool_result")
        if turns[0]["role"] == "assistant":
            turns.insert(0, {"role": "user", "content": [text_block(_FIRST_TURN)]})
        if turns[-1]["role"] == "assistant":
            _trim_prefill(turns[-1]["content"])
        return Conversation(tuple(self._system), tuple(turns), tuple(self._called))

    def _turn(self, role: str, blocks: list[Block]) -> None:
        if not blocks:
            return
        if self._turns and self._turns[-1]["role"] == role:
            self._turns[-1]["content"] += blocks
        else:
            self._turns.append({"role": role, "content": blocks})

    def _assistant(self, message: Mapping[str, Any], where: str) -> list[Block]:
        if message.get("audio") is not None:
            raise TranslationError("no audio")
        blocks = blocks_of(message.get("content"), where)
        if any(block["type"] != "text" for block in blocks):
            raise TranslationError(f"{where} may hold text and tool calls only")
        refusal = message.get("refusal")
        if isinstance(refusal, str) and refusal.strip():
            blocks.append(text_block(refusal))
        calls = message.get("tool_calls") or []
        if not isinstance(calls, list):
            raise TranslationError(f"{where}.tool_calls is no list")
        for index, call in enumerate(calls):
            blocks.append(self._call(call, f"{where}.tool_calls[{index}]"))
        legacy = message.get("function_call")
        if legacy is not None:
            name = legacy.get("name") if isinstance(legacy, dict) else None
            blocks.append(self._use(legacy, f"function:{name}", f"{where}.function_call"))
        return blocks

    def _call(self, call: object, where: str) -> Block:
        if not isinstance(call, dict) or not isinstance(call.get("id"), str):
            raise TranslationError(f"{where} is no tool call with an id")
        if call.get("type", "function") != "function":
            raise TranslationError("no tools but functions")
        return self._use(call.get("function"), call["id"], where)

    def _use(self, function: object, client_id: str, where: str) -> Block:
        if not isinstance(function, dict):
            raise TranslationError(f"{where} has no function")
        name = tool_name(function.get("name"), where)
        self._called[name] = None
        arguments = _arguments(function.get("arguments"), where)
        return {"type": "tool_use", "id": self._ids.of_call(client_id), "name": name, "input": arguments}

    def _result(self, client_id: object, prefix: str, content: object, where: str) -> Block:
        if not isinstance(client_id, str):
            raise TranslationError(f"{where} doesn't say which tool call it answers")
        block: Block = {"type": "tool_result", "tool_use_id": self._ids.of_result(prefix + client_id)}
        blocks = blocks_of(content, where)
        if all(each["type"] == "text" for each in blocks):
            if text := text_of(content, where):
                block["content"] = text
        else:
            block["content"] = blocks
        return block


def _named(blocks: list[Block], name: object) -> list[Block]:
    """Write a participant's name before what they said: Anthropic has no field for it."""
    if not blocks or not isinstance(name, str) or not name.strip():
        return blocks
    if blocks[0]["type"] == "text":
        return [text_block(f"{name}: {blocks[0]['text']}"), *blocks[1:]]
    return [text_block(f"{name}:"), *blocks]


def _arguments(arguments: object, where: str) -> msgspec.Raw:
    """A call's arguments, verbatim, so that no number changes on the way."""
    if not isinstance(arguments, str):
        raise TranslationError(f"{where} has no arguments")
    raw = arguments.encode() if arguments.strip() else b"{}"
    try:
        whole = isinstance(msgspec.json.decode(raw), dict)
    except (msgspec.DecodeError, RecursionError):
        whole = False
    if not whole:
        raise TranslationError(f"{where} has arguments that are no JSON object")
    return msgspec.Raw(raw)


def _trim_prefill(blocks: list[Block]) -> None:
    """Cut whitespace from the end of the assistant's last words, which Anthropic refuses."""
    if blocks[-1]["type"] != "text":
        raise TranslationError("the last tool calls have no results")
    blocks[-1] = text_block(blocks[-1]["text"].rstrip())
