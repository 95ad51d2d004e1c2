"""A conversation as Gemini's contents and system instruction.

Rules
1. Messages of the system and the developer, wherever they stand, make the system instruction.
   A conversation of nothing else goes out as a user's, because contents may not be empty.
2. Neighbours of one role are merged, except that results of functions keep a content of their own:
   Gemini counts the results in it against the calls before it.
3. A result goes out as `{"output": text}`. Parsed JSON would pass through doubles and lose digits
   of long integers, and Gemini refuses objects with a `$ref`.
4. A first function call without a thought signature gets the documented stand-in, for models that
   insist on one: the history may be another vendor's.

Source: ai.google.dev/gemini-api/docs/{function-calling,thought-signatures}.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from halfopen.providers.gemini.generation import Generation
from halfopen.providers.gemini.media import Part, audio_part, file_part, image_part
from halfopen.providers.gemini.untranslatable import UntranslatableError

STAND_IN_SIGNATURE = "skip_thought_signature_validator"
"""What Google documents for calls that Gemini didn't make itself."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")


class Conversation:
    """Takes messages one by one and gives contents."""

    __slots__ = ("_calls", "_contents", "_count", "_generation", "_system")

    def __init__(self, generation: Generation) -> None:
        """Starts empty."""
        self._generation = generation
        self._contents: list[dict[str, Any]] = []
        self._system: list[Part] = []
        self._calls: dict[str, tuple[int, str]] = {}  # by id: place among all calls, function name
        self._count = 0

    def add(self, message: Any) -> None:
        """Take one message in OpenAI's shape. Raises UntranslatableError."""
        if not isinstance(message, dict):
            raise UntranslatableError("a message that is no object")
        match message.get("role"):
            case "system" | "developer":
                self._system += self._parts(message.get("content"))
            case "user":
                self._append("user", self._user_parts(message))
            case "assistant":
                self._append("model", self._assistant_parts(message))
            case "tool":
                self._append("user", [self._tool_result(message)])
            case "function":
                self._append("user", [_response_part(_name(message), self._text(message))])
            case role:
                raise UntranslatableError(f"messages of the role {str(role)[:40]}")

    def finish(self, *, prefill: bool) -> dict[str, Any]:
        """Return `contents` and, where there is one, `systemInstruction`.

        Args:
            prefill: Whether the model continues an assistant message at the end.

        Raises:
            UntranslatableError: Gemini would refuse the conversation.
        """
        contents, system = self._contents, self._system
        if not contents and system:
            contents, system = [{"role": "user", "parts": system}], []
        if not contents:
            contents = [{"role": "user", "parts": [{"text": " "}]}]
        if contents[-1]["role"] == "model" and not prefill:
            raise UntranslatableError("an assistant message at the end")
        if contents[0]["role"] == "model" and any("functionCall" in part for part in contents[0]["parts"]):
            raise UntranslatableError("a tool call before any user message")
        result: dict[str, Any] = {"contents": contents}
        if system:
            result["systemInstruction"] = {"parts": system}
        return result

    def _append(self, role: str, parts: list[Part]) -> None:
        if not parts:
            return
        last = self._contents[-1] if self._contents else None
        if last is not None and last["role"] == role and _is_result(last["parts"][0]) == _is_result(parts[0]):
            last["parts"] += parts
            if _is_result(parts[0]):
                last["parts"].sort(key=self._place)
        else:
            self._contents.append({"role": role, "parts": parts})

    def _place(self, part: Part) -> int:
        """Results stand in the order of their calls, however they came."""
        place, _ = self._calls.get(part["functionResponse"].get("id", ""), (0, ""))
        return place

    def _user_parts(self, message: Mapping[str, Any]) -> list[Part]:
        parts = self._parts(message.get("content"))
        name = message.get("name")
        return [{"text": f"{name}: "}, *parts] if isinstance(name, str) and name and parts else parts

    def _parts(self, content: Any) -> list[Part]:
        if content is None:
            return []
        if isinstance(content, str):
            return [{"text": content}] if content else []
        if not isinstance(content, list):
            raise UntranslatableError("message content that is neither text nor a list")
        return [part for each in content if (part := self._part(each)) is not None]

    def _part(self, part: Any) -> Part | None:
        if isinstance(part, str):
            return {"text": part} if part else None
        if not isinstance(part, dict):
            raise UntranslatableError("a content part that is no object")
        match part.get("type"):
            case "text" | "refusal" as kind:
                text = part.get(kind)
                if text is not None and not isinstance(text, str):
                    raise UntranslatableError("text that is no string")
                return {"text": text} if text else None
            case "image_url":
                return image_part(part, self._generation)
            case "input_audio":
                return audio_part(part)
            case "file":
                return file_part(part)
            case kind:
                raise UntranslatableError(f"content parts of type {str(kind)[:40]}")

    def _assistant_parts(self, message: Mapping[str, Any]) -> list[Part]:
        if message.get("audio"):
            raise UntranslatableError("audio of an earlier answer")
        parts = self._parts(message.get("content"))
        if isinstance(refusal := message.get("refusal"), str) and refusal:
            parts.append({"text": refusal})
        if parts and (signature := _signature(message)):
            parts[-1]["thoughtSignature"] = signature
        calls = [self._call_part(call) for call in _list(message.get("tool_calls"))]
        if isinstance(legacy := message.get("function_call"), dict):
            calls.append({"functionCall": {"name": _name(legacy), "args": _args(legacy.get("arguments"))}})
        if calls and self._generation.signatures:
            calls[0].setdefault("thoughtSignature", STAND_IN_SIGNATURE)
        return parts + calls

    def _call_part(self, call: Any) -> Part:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            raise UntranslatableError("calls of custom tools")
        name = _name(function)
        made: dict[str, Any] = {"name": name, "args": _args(function.get("arguments"))}
        if isinstance(call_id := call.get("id"), str) and call_id:
            made["id"] = call_id
            self._count += 1
            self._calls[call_id] = (self._count, name)
        part: Part = {"functionCall": made}
        if signature := _signature(call):
            part["thoughtSignature"] = signature
        return part

    def _tool_result(self, message: Mapping[str, Any]) -> Part:
        call_id = message.get("tool_call_id")
        call = self._calls.get(call_id) if isinstance(call_id, str) else None
        if call is None:
            raise UntranslatableError("a tool result whose call is not in the conversation")
        part = _response_part(call[1], self._text(message))
        part["functionResponse"]["id"] = call_id
        return part

    def _text(self, message: Mapping[str, Any]) -> str:
        parts = self._parts(message.get("content"))
        if any("text" not in part for part in parts):
            raise UntranslatableError("tool results other than text")
        return "".join(part["text"] for part in parts)


def _response_part(name: str, text: str) -> Part:
    return {"functionResponse": {"name": name, "response": {"output": text}}}


def _is_result(part: Part) -> bool:
    return "functionResponse" in part


def _name(holder: Mapping[str, Any]) -> str:
    name = holder.get("name")
    if not isinstance(name, str) or not name:
        raise UntranslatableError("a function without a name")
    return name


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise UntranslatableError("tool calls that are no list")
    return value


def _args(arguments: Any) -> dict[str, Any]:
    """Gemini wants an object. What isn't one is kept, as text, under `arguments`."""
    if isinstance(arguments, dict):
        return arguments
    text = arguments if isinstance(arguments, str) else ""
    if not text.strip():
        return {}
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        value = None
    return value if isinstance(value, dict) else {"arguments": text}


def _signature(holder: Mapping[str, Any]) -> str | None:
    """The thought signature, where Google's own OpenAI endpoint puts it; None: none that is base64."""
    extra = holder.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    signature = google.get("thought_signature") if isinstance(google, dict) else None
    return signature if isinstance(signature, str) and _BASE64.fullmatch(signature) else None
