"""The input of a request, a list of items, as the messages of a chat.

Rules
1. Items that follow each other and are the assistant's (text, then calls) are one message: in a chat
   the calls are part of it.
2. A tool's result stands right behind the message with its call, wherever it stood in the input: a
   chat is refused otherwise.
3. What a tool returned beside text (images, files) follows the results as the user's: a chat's tools
   return text only.
4. Reasoning of earlier turns is left out: it belongs to the model that thought it. So is a reference
   to reasoning that we made of another provider's answer.
5. An item of any other type is OpenAI's own; only OpenAI can go on from it.
"""

from dataclasses import dataclass, field
from typing import Any

from halfopen.model import Fault
from halfopen.providers.clients.responses.content_parts import Part, is_text, joined_text, parts_of
from halfopen.providers.clients.responses.ids import is_reference, is_reference_to_our_reasoning
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
    return conversation.messages()


@dataclass(slots=True)
class _Turn:
    """A message in the making, with the results of its calls."""

    role: str
    content: Any = None
    """Unless it is the assistant's."""
    texts: list[str] = field(default_factory=list)
    """Of the assistant, as its refusals and its calls."""
    refusals: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    results: list[Message] = field(default_factory=list)

    def messages(self) -> list[Message]:
        """The message, and what stands behind it."""
        if self.role == "tool":
            return self.results
        if self.role != "assistant":
            return [{"role": self.role, "content": self.content}]
        message: Message = {"role": "assistant", "content": "\n\n".join(filter(None, self.texts))}
        if not message["content"] and (self.calls or self.refusals):
            message["content"] = None
        if self.refusals:
            message["refusal"] = "".join(self.refusals)
        if self.calls:
            message["tool_calls"] = self.calls
        return [message, *self.results]


class _Conversation:
    """Messages in the making."""

    __slots__ = ("_callers", "_media", "_notes", "_turns")

    def __init__(self, notes: Notes) -> None:
        self._turns: list[_Turn] = []
        self._notes = notes
        self._callers: dict[str, _Turn] = {}
        """The assistant's message with a call, by the call's id."""
        self._media: list[Part] = []
        """What tools returned beside text."""

    def messages(self) -> list[Message]:
        """The messages, at the end."""
        self._show_media()
        return [message for turn in self._turns for message in turn.messages()]

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
        self._show_media()
        if kind == "message":
            self._message(item, where)
        elif kind == "function_call":
            self._call(item, where)
        elif kind == "reasoning":
            if item.get("summary") or item.get("content") or item.get("encrypted_content"):
                self._notes.drop("no earlier reasoning")
        elif is_reference_to_our_reasoning(item):
            self._notes.drop("no earlier reasoning")
        elif is_reference(item):
            self._notes.only_native(STORED)
        elif kind is None:
            self._notes.fail(missing(f"{where}.type"))
        else:
            self._notes.only_native(f"input of type {word(kind)} is OpenAI's own")

    def _show_media(self) -> None:
        """Put what tools returned beside text behind their results."""
        if self._media:
            self._turns.append(_Turn("user", self._media))
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
            self._turns.append(_Turn("user" if role == "user" else "system", content))

    def _assistant(self, parts: list[Part]) -> None:
        if any(part["type"] not in ("text", "refusal") for part in parts):
            self._notes.only_native("an assistant's message with more than text")
        last = self._open_turn()
        if last is None or not last.calls:
            last = _Turn("assistant")
            self._turns.append(last)
        last.texts.append(joined_text(parts))
        last.refusals += [part["refusal"] for part in parts if part["type"] == "refusal" and part["refusal"]]

    def _call(self, item: dict[str, Any], where: str) -> None:
        for name in ("call_id", "name", "arguments"):
            if not isinstance(item.get(name), str):
                self._notes.fail(_bad_string(item.get(name), f"{where}.{name}"))
                return
        if item.get("namespace") is not None:
            self._notes.only_native("tools in namespaces are OpenAI's own")
        last = self._open_turn()
        if last is None:
            last = _Turn("assistant")
            self._turns.append(last)
        function = {"name": item["name"], "arguments": item["arguments"]}
        last.calls.append({"id": item["call_id"], "type": "function", "function": function})
        self._callers[item["call_id"]] = last

    def _open_turn(self) -> _Turn | None:
        """The assistant's message that what comes next may be part of."""
        last = self._turns[-1] if self._turns else None
        return last if last is not None and last.role == "assistant" and not last.results else None

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
        caller = self._callers.get(call_id)
        if caller is None:
            # Of a call that isn't there: it stays where it came.
            caller = _Turn("tool")
            self._turns.append(caller)
        caller.results.append(message)


def _bad_role(role: Any, where: str) -> Fault:
    return wrong_value(where, role, _ROLES) if isinstance(role, str) else _bad_string(role, where)


def _bad_string(value: Any, where: str) -> Fault:
    return missing(where) if value is None else wrong_type(where, "a string", value)
