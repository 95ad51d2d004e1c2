"""A Gemini conversation as OpenAI's messages.

Rules
1. The system instruction is the first message; its parts are joined by line breaks.
2. Contents of the model that follow one another are one message, and their texts one text: the
   official client keeps every piece of a stream as a content of its own.
3. Thoughts of earlier turns are left out. So are thought signatures: only Gemini reads them, and a
   Gemini target gets the request as the client wrote it.
4. A function call without an id gets one from its place in the conversation. A result without an id
   answers the oldest open call of its name. A call without a result, or a result without a call, is
   what other vendors refuse.
5. A result is the text of its `output` when that is text, else its JSON. What else stands in the
   same content follows as a user's message.

Source: ai.google.dev/api/caching, Content and Part.
"""

from collections import deque
from typing import Any

import msgspec

from halfopen.providers.clients.generate.losses import Losses
from halfopen.providers.clients.generate.media import Part, inline_part, stored_part, with_detail
from halfopen.providers.clients.generate.proto_json import (
    BadRequestError,
    flag_at,
    list_at,
    message_at,
    text_at,
)

_ROLES = ("user", "model", "function")
_DATA = frozenset(("text", "inlineData", "fileData", "functionCall", "functionResponse"))
_REMARKS = frozenset(("thought", "thoughtSignature", "mediaResolution", "partMetadata"))
_ONLY_GEMINIS = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse", "videoMetadata")
_NO_RESULT = "a function call without its result"


class Conversation:
    """Takes the system instruction, then the contents one by one, and gives messages."""

    __slots__ = ("_count", "_ids", "_losses", "_messages", "_open", "_open_of", "_texts")

    def __init__(self, losses: Losses) -> None:
        """Starts empty; `losses` is told what can't be said."""
        self._losses = losses
        self._messages: list[dict[str, Any]] = []
        self._open: set[str] = set()  # ids of calls that have no result yet
        self._open_of: dict[str, deque[str]] = {}  # by name: ids of calls, some of them open, oldest first
        self._texts: list[str] = []  # of the assistant's message at the end
        self._ids: set[str] = set()
        self._count = 0

    def instruct(self, instruction: Any) -> None:
        """Take the system instruction: a content, or plain text. Raises BadRequestError."""
        where = "systemInstruction"
        if isinstance(instruction, str):
            parts: list[Any] = [{"text": instruction}]
        else:
            parts = list_at(message_at(instruction, where).get("parts"))
        texts = []
        for index, each in enumerate(parts):
            part = message_at(each, f"{where}.parts[{index}]")
            if "text" in part:
                texts.append(text_at(part["text"], f"{where}.parts[{index}].text"))
            else:
                self._losses.only_native("a system instruction other than text")
        if text := "\n".join(each for each in texts if each):
            self._append({"role": "system", "content": text})

    def add(self, content: Any, where: str) -> None:
        """Take one content. Raises BadRequestError."""
        fields = message_at(content, where)
        role = fields.get("role", "user")
        if role not in _ROLES:
            raise BadRequestError(f"{where}.role must be user or model.", f"{where}.role")
        parts = [
            (message_at(each, place), place)
            for index, each in enumerate(list_at(fields.get("parts")))
            for place in (f"{where}.parts[{index}]",)
        ]
        for part, place in parts:
            self._check(part, place)
        if role == "model":
            self._add_model(parts)
        else:
            self._add_user(parts)

    def finish(self) -> list[dict[str, Any]]:
        """The messages; at least one."""
        if self._open:
            self._losses.only_native(_NO_RESULT)
        self._complete()
        if any(message["role"] != "system" for message in self._messages):
            return self._messages
        return [*self._messages, {"role": "user", "content": " "}]

    def _check(self, part: dict[str, Any], where: str) -> None:
        data = _DATA.intersection(part)
        if len(data) > 1:
            raise BadRequestError(f"{where} must have one of {', '.join(sorted(data))} only.", where)
        if not part:
            raise BadRequestError(f"{where} is empty: send text, data or a function call.", where)
        for name in part:
            if name not in _DATA and name not in _REMARKS:
                known = name in _ONLY_GEMINIS
                self._losses.only_native(f"the part {name}" if known else f"parts with {name[:40]}")

    def _add_model(self, parts: list[tuple[dict[str, Any], str]]) -> None:
        texts, calls = [], []
        for part, where in parts:
            if "text" in part:
                text = text_at(part["text"], f"{where}.text")
                if not flag_at(part.get("thought", False), f"{where}.thought"):
                    texts.append(text)
            elif "functionCall" in part:
                calls.append(part["functionCall"])
            elif not _DATA.isdisjoint(part):
                self._losses.only_native("media or results in the model's turns")
        if not texts and not calls:
            return
        message = self._assistant()
        self._texts += texts
        if calls:
            message.setdefault("tool_calls", []).extend(self._call(call) for call in calls)

    def _assistant(self) -> dict[str, Any]:
        """The assistant's message at the end of the conversation, begun if there is none."""
        if self._messages and self._messages[-1]["role"] == "assistant":
            return self._messages[-1]
        if self._open:
            self._losses.only_native(_NO_RESULT)
        self._append({"role": "assistant", "content": None})
        return self._messages[-1]

    def _append(self, message: dict[str, Any]) -> None:
        self._complete()
        self._messages.append(message)

    def _complete(self) -> None:
        """Put the texts of the assistant's message at the end together."""
        if text := "".join(self._texts):
            self._messages[-1]["content"] = text
        self._texts.clear()

    def _call(self, call: Any) -> dict[str, Any]:
        where = "functionCall"
        fields = message_at(call, where)
        name = text_at(fields.get("name"), f"{where}.name")
        args = fields.get("args", {})
        if not isinstance(args, dict):
            raise BadRequestError(f"{where}.args must be an object.", f"{where}.args")
        identity = self._identity(fields.get("id"))
        self._open.add(identity)
        self._open_of.setdefault(name, deque()).append(identity)
        return {
            "id": identity,
            "type": "function",
            "function": {"name": name, "arguments": json_text(args)},
        }

    def _identity(self, given: Any) -> str:
        self._count += 1
        identity = given if isinstance(given, str) and given else f"call_{self._count}"
        while identity in self._ids:
            identity = f"{identity}_{self._count}"
        self._ids.add(identity)
        return identity

    def _add_user(self, parts: list[tuple[dict[str, Any], str]]) -> None:
        content = []
        for part, where in parts:
            if "functionResponse" in part:
                self._add_result(part["functionResponse"], f"{where}.functionResponse")
            elif (made := self._user_part(part, where)) is not None:
                content.append(made)
        if not content:
            return
        if self._open:
            self._losses.only_native(_NO_RESULT)
            self._open.clear()
            self._open_of.clear()
        alone = len(content) == 1 and content[0]["type"] == "text"
        self._append({"role": "user", "content": content[0]["text"] if alone else content})

    def _user_part(self, part: dict[str, Any], where: str) -> Part | None:
        if "text" in part:
            text = text_at(part["text"], f"{where}.text")
            return {"type": "text", "text": text} if text else None
        if "functionCall" in part:
            raise BadRequestError(f"{where}: a user can't call a function.", where)
        made = None
        if "inlineData" in part:
            made = inline_part(part["inlineData"], f"{where}.inlineData", self._losses)
        elif "fileData" in part:
            made = stored_part(part["fileData"], f"{where}.fileData", self._losses)
        return None if made is None else with_detail(made, part.get("mediaResolution"))

    def _add_result(self, result: Any, where: str) -> None:
        fields = message_at(result, where)
        name = text_at(fields.get("name", ""), f"{where}.name")
        if list_at(fields.get("parts")) or fields.get("willContinue"):
            self._losses.only_native("function results other than JSON")
        response = fields.get("response", {})
        if not isinstance(response, dict):
            raise BadRequestError(f"{where}.response must be an object.", f"{where}.response")
        identity = self._answered(fields.get("id"), name)
        if identity is None:
            self._losses.only_native("a function result without its call")
            return
        self._append({"role": "tool", "tool_call_id": identity, "content": _result_text(response)})

    def _answered(self, given: Any, name: str) -> str | None:
        """The id of the call that a result answers, which is open no more."""
        if isinstance(given, str) and given in self._open:
            self._open.remove(given)
            return given
        called = self._open_of.get(name, ())
        while called:
            identity = called.popleft()
            if identity in self._open:
                self._open.remove(identity)
                return identity
        return None


def _result_text(response: dict[str, Any]) -> str:
    value = response["output"] if set(response) == {"output"} else response
    return value if isinstance(value, str) else json_text(value)


def json_text(value: Any) -> str:
    """A value of a request as JSON."""
    return msgspec.json.encode(value).decode()
