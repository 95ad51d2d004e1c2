"""What a chat completion says, as the parts of a Gemini candidate."""

from dataclasses import dataclass
from typing import Any

import msgspec

Part = dict[str, Any]


@dataclass(slots=True)
class Call:
    """A tool call, whole or still growing."""

    identity: str = ""
    name: str = ""
    arguments: str = ""
    signature: str | None = None
    told: bool = False
    """Whether the client has it."""

    def add(self, call: Any) -> None:
        """Take a piece of it, or all of it, in OpenAI's shape. What makes no sense is passed over."""
        if not isinstance(call, dict):
            return
        if isinstance(identity := call.get("id"), str) and identity:
            self.identity = identity
        self.signature = signature_of(call) or self.signature
        function = call.get("function")
        if not isinstance(function, dict):
            return
        if isinstance(name := function.get("name"), str):
            self.name = self.name or name
        arguments = function.get("arguments")
        if isinstance(arguments, dict):  # some servers send an object
            self.arguments = msgspec.json.encode(arguments).decode()
        elif isinstance(arguments, str):
            self.arguments += arguments

    def part(self) -> Part | None:
        """The functionCall; None: its arguments are no JSON object, or it names no function."""
        args = _object(self.arguments)
        if args is None or not self.name:
            return None
        made: dict[str, Any] = {"name": self.name, "args": args}
        if self.identity:
            made["id"] = self.identity
        part: Part = {"functionCall": made}
        if self.signature is not None:
            part["thoughtSignature"] = self.signature
        return part


def malformed_message(call: Call) -> str:
    """The finishMessage for a call that can't be parsed: what the model wrote, as it wrote it."""
    return f"Malformed function call: {call.name}({call.arguments})"


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


def _object(arguments: str) -> dict[str, Any] | None:
    """Arguments as an object; none at all is an empty one."""
    if not arguments.strip():
        return {}
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
