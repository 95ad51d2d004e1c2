"""What a request asks for, whatever the dialect, and what a model drafts as its answer."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from halfopen.lab.answer import expected_text, tokens
from halfopen.lab.instance import instance

_USE = "use the tool"


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call."""

    name: str
    schema: Mapping[str, Any]
    """The JSON Schema of its arguments."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request, understood."""

    dialect: str
    model: str
    prompt: str
    """The text of the last user message."""
    stream: bool = False
    include_usage: bool = False
    images: int = 0
    results: tuple[str, ...] = ()
    """The tool results since the last answer."""
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    """auto, none, required, or `=name` for one tool."""
    parallel: bool = True
    schema: Mapping[str, Any] | None = None
    """The JSON Schema that the answer must satisfy; an empty one: any JSON object."""
    stop: tuple[str, ...] = ()
    output_tokens_max: int | None = None
    choices: int = 1
    input_tokens: int = 1


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool call that the model makes."""

    id: str
    """Eight hexadecimal digits; each dialect puts its own prefix before them."""
    name: str
    arguments: Mapping[str, Any]

    @property
    def json(self) -> str:
        """The arguments as JSON text."""
        return msgspec.json.encode(self.arguments).decode()


@dataclass(frozen=True, slots=True)
class Draft:
    """One answer before a dialect gives it its form."""

    finish: str
    """stop, length, stop_sequence or tools."""
    pieces: tuple[str, ...] = ()
    """The text, in the pieces that a stream sends."""
    calls: tuple[ToolUse, ...] = ()
    stop_sequence: str | None = None
    output_tokens: int = field(default=0)

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)


def compose(question: Question) -> tuple[Draft, ...]:
    """The answers to a question, one for each choice."""
    used = _tools_to_use(question)
    if used:
        calls = tuple(_call(question, tool, place) for place, tool in enumerate(used))
        spent = sum(8 + len(call.json) // 4 for call in calls)
        return (Draft("tools", calls=calls, output_tokens=spent),) * question.choices
    return tuple(_text_draft(question, choice) for choice in range(question.choices))


def _tools_to_use(question: Question) -> tuple[Tool, ...]:
    if not question.tools or question.tool_choice == "none":
        return ()
    if question.tool_choice.startswith("="):
        return tuple(tool for tool in question.tools if tool.name == question.tool_choice[1:])
    wanted = question.tool_choice == "required" or (not question.results and _USE in question.prompt.lower())
    if not wanted:
        return ()
    return question.tools if question.parallel else question.tools[:1]


def _call(question: Question, tool: Tool, place: int) -> ToolUse:
    seed = f"{question.model}\0{question.prompt}\0{tool.name}\0{place}"
    arguments = instance(tool.schema)
    return ToolUse(
        f"{zlib.crc32(seed.encode()):08x}", tool.name, arguments if isinstance(arguments, dict) else {}
    )


def _text_draft(question: Question, choice: int) -> Draft:
    if question.schema is not None:
        text = msgspec.json.encode(
            instance(question.schema) if question.schema else _any_object(question)
        ).decode()
    else:
        text = expected_text(
            question.dialect,
            question.model,
            question.prompt,
            images=question.images,
            results=question.results,
            choice=choice,
        )
    finish, found = "stop", None
    places = [(text.find(stop), stop) for stop in question.stop if stop and stop in text]
    if places:
        place, found = min(places)
        text, finish = text[:place], "stop_sequence"
    pieces = tokens(text) if text.strip() else [text] if text else []
    limit = question.output_tokens_max
    if limit is not None and len(pieces) > limit:
        pieces, finish, found = pieces[:limit], "length", None
    return Draft(finish, tuple(pieces), stop_sequence=found, output_tokens=max(1, len(pieces)))


def _any_object(question: Question) -> dict[str, str]:
    return {"answer": expected_text(question.dialect, question.model, question.prompt)}
