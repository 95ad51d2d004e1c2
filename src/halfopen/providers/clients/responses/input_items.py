"""The input of a request, a list of items, as the messages of a chat.

Rules
1. Items that follow each other and are the assistant's (text, then calls) are one message: in a chat
   the calls are part of it.
2. A tool's result stands right behind the message with its call, wherever it stood in the input: a
   chat is refused otherwise.
3. What a tool returned beside text (images, files) follows the results as the user's: a chat's tools
   return text only.
4. Reasoning of earlier turns is left out: it belongs to the model that thought it.
5. An item of any other type is OpenAI's own; only OpenAI can go on from it.
"""

from typing import Any

from halfopen.model import Fault
from halfopen.providers.clients.responses.content_parts import Part, is_text, joined_text, parts_of
from halfopen.providers.clients.responses.notes import STORED, Notes, word
from halfopen.providers.clients.responses.request import missing, wrong_type, wrong_value

Message = dict[str, Any]
_ROLES = ("assistant", "system", "developer", "user")


def messages_of(given: Any, notes: Notes) -> list[Message]:
    """The messages that an input means: a string, or a list of items."""
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    conversation = _Conversation(notes)
    for index, item in enumerate(given if isinstance(given, list) else ()):
        conversation.add(item, f"input[{index}]")
    conversation.show_media()
    return conversation.messages


class _Conversation:
    """Messages in the making."""

    __slots__ = ("_callers", "_media", "_notes", "messages")

    def __init__(self, notes: Notes) -> None:
        self.messages: list[Message] = []
        self._notes = notes
        self._callers: dict[str, Message] = {}
        """The assistant's message with a call, by the call's id."""
        self._media: list[Part] = []
        """What tools returned beside text."""

    def add(self, item: Any, where: str) -> None:
        """Take the next item."""
        if not isinstance(item, dict):
            self._notes.fail(wrong_type(where, "an object", item))
            return
        kind = item.get("type")
        if kind is None and "role" in item:
            kind = "message"
        if kind == "function_call_output":
            self._result(item, where)
            return
        self.show_media()
        if kind == "message":
            self._message(item, where)
        elif kind == "function_call":
            self._call(item, where)
        elif kind == "reasoning":
            if item.get("summary") or item.get("content") or item.get("encrypted_content"):
                self._notes.drop("no earlier reasoning")
        elif kind == "item_reference" or (kind is None and "id" in item):
            self._notes.only_native(STORED)
        elif kind is None:
            self._notes.fail(missing(f"{where}.type"))
        else:
            self._notes.only_native(f"input of type {word(kind)} is OpenAI's own")

    def show_media(self) -> None:
        """Put what tools returned beside text behind their results."""
        if self._media:
            self.messages.append({"role": "user", "content": self._media})
            self._media = []

    def _message(self, item: dict[str, Any], where: str) -> None:
        role = item.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            self._notes.fail(_bad_role(role, f"{where}.role"))
            return
        if item.get("phase") is not None:
            self._notes.drop("no phase")
        parts = parts_of(item.get("content"), f"{where}.content", self._notes)
        if role == "assistant":
            self._assistant(parts)
        else:
            # Every server knows the role system; developer is the name of newer models of OpenAI.
            content: Any = parts[0]["text"] if len(parts) == 1 and is_text(parts[0]) else parts or ""
            self.messages.append({"role": "user" if role == "user" else "system", "content": content})

    def _assistant(self, parts: list[Part]) -> None:
        text = joined_text(parts)
        refusal = "".join(part["refusal"] for part in parts if part["type"] == "refusal")
        if any(part["type"] not in ("text", "refusal") for part in parts):
            self._notes.only_native("an assistant's message with more than text")
        last = self.messages[-1] if self.messages else None
        if last is not None and last.get("tool_calls"):
            last["content"] = f"{last['content']}\n\n{text}" if last["content"] else text or None
            message = last
        else:
            message = {"role": "assistant", "content": text if text or not refusal else None}
            self.messages.append(message)
        if refusal:
            message["refusal"] = message.get("refusal", "") + refusal

    def _call(self, item: dict[str, Any], where: str) -> None:
        for name in ("call_id", "name", "arguments"):
            if not isinstance(item.get(name), str):
                self._notes.fail(_bad_string(item.get(name), f"{where}.{name}"))
                return
        if item.get("namespace") is not None:
            self._notes.only_native("tools in namespaces are OpenAI's own")
        last = self.messages[-1] if self.messages else None
        if last is None or last["role"] != "assistant":
            last = {"role": "assistant", "content": None}
            self.messages.append(last)
        function = {"name": item["name"], "arguments": item["arguments"]}
        calls = last.setdefault("tool_calls", [])
        calls.append({"id": item["call_id"], "type": "function", "function": function})
        self._callers[item["call_id"]] = last

    def _result(self, item: dict[str, Any], where: str) -> None:
        call_id = item.get("call_id")
        if not isinstance(call_id, str):
            self._notes.fail(_bad_string(call_id, f"{where}.call_id"))
            return
        parts = parts_of(item.get("output"), f"{where}.output", self._notes)
        others = [part for part in parts if not is_text(part)]
        if others:
            self._media += [{"type": "text", "text": f"From the output of {call_id}:"}, *others]
        text = joined_text(parts)
        message = {
            "role": "tool",
            "tool_call_id": call_id,
            "content": text or ("See below." if others else ""),
        }
        self.messages.insert(self._behind(self._callers.get(call_id)), message)

    def _behind(self, caller: Message | None) -> int:
        """Where the next result of a message's calls belongs."""
        place = len(self.messages)
        if caller is None:
            return place
        while self.messages[place - 1] is not caller:
            place -= 1
        while place < len(self.messages) and self.messages[place]["role"] == "tool":
            place += 1
        return place


def _bad_role(role: Any, where: str) -> Fault:
    return wrong_value(where, role, _ROLES) if isinstance(role, str) else _bad_string(role, where)


def _bad_string(value: Any, where: str) -> Fault:
    return missing(where) if value is None else wrong_type(where, "a string", value)
