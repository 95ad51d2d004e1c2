"""What a chat completion says, as the parts of a Gemini candidate."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from halfopen.providers.clients.gathered_calls import GatheredCall, GatheredCalls

Part = dict[str, Any]


@dataclass(slots=True)
class Call:
    """A tool call, whole or still growing."""

    gathered: GatheredCall = field(default_factory=lambda: GatheredCall(None))
    signature: str | None = None

    def part(self) -> Part | None:
        """The functionCall; None: its arguments are no JSON object, or it names no function."""
        args = _object(self.gathered.arguments)
        if args is None or not self.gathered.name:
            return None
        made: dict[str, Any] = {"name": self.gathered.name, "args": args}
        if self.gathered.id:
            made["id"] = self.gathered.id
        part: Part = {"functionCall": made}
        if self.signature is not None:
            part["thoughtSignature"] = self.signature
        return part


class Calls:
    """The tool calls of one message, in OpenAI's shape. What makes no sense in them is passed over."""

    __slots__ = ("_by_gathered", "_gathered", "calls")

    def __init__(self) -> None:
        """There are none yet."""
        self.calls: list[Call] = []
        self._gathered = GatheredCalls()
        self._by_gathered: dict[int, Call] = {}  # by identity: two calls may be equal

    def add(self, piece: Any) -> None:
        """Take a piece of a call."""
        if not isinstance(piece, dict):
            return
        index, identity = piece.get("index"), piece.get("id")
        function = piece.get("function")
        function = function if isinstance(function, dict) else {}
        name, arguments = function.get("name"), _arguments(function.get("arguments"))
        signature = signature_of(piece)
        if not (identity or name or arguments or signature):
            return
        gathered = self._gathered.add(
            index if isinstance(index, int) else None,
            identity if isinstance(identity, str) else None,
            name if isinstance(name, str) else None,
            arguments,
        )
        call = self._by_gathered.get(id(gathered))
        if call is None:
            call = self._by_gathered[id(gathered)] = Call(gathered)
            self.calls.append(call)
        call.signature = signature or call.signature


def whole_call(call: Any) -> Call:
    """One call of a message that came whole."""
    calls = Calls()
    calls.add(call)
    return calls.calls[0] if calls.calls else Call()


def malformed_message(call: Call) -> str:
    """The finishMessage for a call that can't be parsed: what the model wrote, as it wrote it."""
    return f"Malformed function call: {call.gathered.name}({call.gathered.arguments})"


def said_parts(said: dict[str, Any], *, thoughts: bool) -> list[Part]:
    """The parts of a message, or of a piece of one, without its calls.

    Args:
        said: A `message` or a `delta` of a chat completion.
        thoughts: Whether the client wants to see thoughts; else they are left out.
    """
    parts: list[Part] = []
    reasoning = said.get("reasoning_content") or said.get("reasoning")
    if thoughts and isinstance(reasoning, str) and reasoning:
        parts.append({"text": reasoning, "thought": True})
    content = said.get("content")
    if isinstance(content, str):
        parts += _text(content)
    elif isinstance(content, list):
        for each in content:
            parts += _listed(each, thoughts=thoughts)
    refusal = said.get("refusal")
    parts += _text(refusal) if isinstance(refusal, str) else []
    if (signature := signature_of(said)) is not None:
        if not parts or parts[-1].get("thought"):
            parts.append({"text": ""})
        parts[-1]["thoughtSignature"] = signature
    return parts


def signature_of(holder: dict[str, Any]) -> str | None:
    """The thought signature, where a Gemini target's answer has it as a chat completion."""
    extra = holder.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    signature = google.get("thought_signature") if isinstance(google, dict) else None
    return signature if isinstance(signature, str) and signature else None


def _text(text: str) -> list[Part]:
    return [{"text": text}] if text else []


def _listed(part: Any, *, thoughts: bool) -> list[Part]:
    """A part of content that comes as a list, as Mistral's reasoning models send it."""
    if not isinstance(part, dict):
        return []
    if part.get("type") == "thinking":
        inner = part.get("thinking")
        texts = [inner] if isinstance(inner, str) else []
        if isinstance(inner, list):
            texts = [
                each["text"] for each in inner if isinstance(each, dict) and isinstance(each.get("text"), str)
            ]
        text = "".join(texts)
        return [{"text": text, "thought": True}] if thoughts and text else []
    said = part.get("text")
    return _text(said) if isinstance(said, str) else []


def _arguments(arguments: Any) -> str:
    if isinstance(arguments, dict):  # some servers send an object
        return msgspec.json.encode(arguments).decode()
    return arguments if isinstance(arguments, str) else ""


def _object(arguments: str) -> dict[str, Any] | None:
    """Arguments as an object; none at all is an empty one."""
    if not arguments.strip():
        return {}
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
