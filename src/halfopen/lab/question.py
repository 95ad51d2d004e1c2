"""What a request asks for, whatever the dialect, and what a model drafts as its answer."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from halfopen.lab.answer import (
    ARGUMENT_PIECES,
    continued_text,
    expected_text,
    json_pieces,
    repeated_words,
    tokens,
)
from halfopen.lab.continuation import Begun
from halfopen.lab.instance import instance

_USE = "use the tool"
_THOUGHT = "The user asks about: {topic}. I should answer by counting, and end with the mark."


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
    beginning: str = ""
    """The text with which the answer begins, when it is to be gone on with."""
    told_to_go_on: bool = False
    """Whether the model was told so in a user message (else the assistant's message comes last)."""
    restarts: bool = False
    """Whether a model that was told to go on begins anew instead."""
    thinks: bool = False
    """Whether thoughts come before the answer."""


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

    @property
    def pieces(self) -> list[str]:
        """The arguments in the pieces that a stream sends."""
        return json_pieces(self.json, ARGUMENT_PIECES)


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
    """Thoughts included."""
    thoughts: tuple[str, ...] = ()
    """What the model thinks before it answers, in the pieces that a stream sends."""

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)


def going_on(question: Question, found: Begun | None, *, restarts: bool) -> Question:
    """The question with the answer that is to be gone on with, if there is one."""
    if found is None:
        return question
    return replace(
        question,
        prompt=found.prompt,
        beginning=found.beginning,
        told_to_go_on=found.told,
        restarts=restarts,
    )


def compose(question: Question) -> tuple[Draft, ...]:
    """The answers to a question, one for each choice."""
    thoughts = _thoughts(question)
    used = _tools_to_use(question)
    if used:
        calls = tuple(_call(question, tool, place) for place, tool in enumerate(used))
        spent = sum(8 + len(call.json) // 4 for call in calls) + len(thoughts)
        return (Draft("tools", calls=calls, output_tokens=spent, thoughts=thoughts),) * question.choices
    return tuple(_text_draft(question, choice, thoughts) for choice in range(question.choices))


def _thoughts(question: Question) -> tuple[str, ...]:
    if not question.thinks:
        return ()
    return tuple(tokens(_THOUGHT.format(topic=" ".join(question.prompt.split())[:40])))


def _tools_to_use(question: Question) -> tuple[Tool, ...]:
    if not question.tools or question.tool_choice == "none":
        return ()
    if question.tool_choice.startswith("="):
        return tuple(tool for tool in question.tools if tool.name == question.tool_choice[1:])
    asked_for = not question.results and not question.beginning and _USE in question.prompt.lower()
    wanted = question.tool_choice == "required" or asked_for
    if not wanted:
        return ()
    return question.tools if question.parallel else question.tools[:1]


def _call(question: Question, tool: Tool, place: int) -> ToolUse:
    seed = f"{question.model}\0{question.prompt}\0{tool.name}\0{place}"
    arguments = instance(tool.schema)
    return ToolUse(
        f"{zlib.crc32(seed.encode()):08x}", tool.name, arguments if isinstance(arguments, dict) else {}
    )


def _text_draft(question: Question, choice: int, thoughts: tuple[str, ...]) -> Draft:
    text = _text(question, choice)
    finish, found = "stop", None
    places = [(text.find(stop), stop) for stop in question.stop if stop and stop in text]
    if places:
        place, found = min(places)
        text, finish = text[:place], "stop_sequence"
    if question.schema is not None:
        pieces = json_pieces(text)
    else:
        pieces = tokens(text) if text.strip() else [text] if text else []
    limit = question.output_tokens_max
    if limit is not None and len(pieces) + len(thoughts) > limit:
        thoughts = thoughts[:limit]
        pieces, finish, found = pieces[: limit - len(thoughts)], "length", None
    spent = max(1, len(pieces) + len(thoughts))
    return Draft(finish, tuple(pieces), stop_sequence=found, output_tokens=spent, thoughts=thoughts)


def _text(question: Question, choice: int) -> str:
    if question.schema is not None:
        value = instance(question.schema) if question.schema else _any_object(question)
        return msgspec.json.encode(value).decode()
    if question.beginning:
        return _continuation(question)
    return expected_text(
        question.dialect,
        question.model,
        question.prompt,
        images=question.images,
        results=question.results,
        choice=choice,
    )


def _continuation(question: Question) -> str:
    rest = continued_text(question.dialect, question.model, question.prompt, question.beginning)
    if not question.told_to_go_on:
        return rest
    if question.restarts:
        return question.beginning + rest
    return repeated_words(question.prompt, question.beginning) + rest


def _any_object(question: Question) -> dict[str, str]:
    return {"answer": expected_text(question.dialect, question.model, question.prompt)}
