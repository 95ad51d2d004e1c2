"""Gemini's clients served by OpenAI, or by a server that speaks its dialect: as a chat completion.

What is special:
1. OpenAI itself refuses `top_k` by name, so it is left out there; most other servers know it.
2. OpenAI refuses JSON mode in a conversation that never says JSON, which Gemini's clients needn't:
   a line that says so is added.
3. OpenAI takes schemas of objects only, and function names of letters, digits, `_` and `-`.
4. OpenAI's generations differ in the least and the most reasoning effort: the next one that the model
   takes is asked for.

Sources: platform.openai.com/docs/api-reference/chat/create and .../guides/structured-outputs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from halfopen import errors
from halfopen.model import Fault, Kind, Reply, Target
from halfopen.providers.chat import Chat
from halfopen.providers.clients.composed import Composed
from halfopen.providers.clients.generate.chat_to_generate import render
from halfopen.providers.compatible import Compatible
from halfopen.providers.contract import Answer, Call, Dialect, StreamReader

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SAY_JSON: Mapping[str, str] = {"role": "system", "content": "Answer with JSON only."}
_UP: Mapping[str, str] = {"none": "minimal", "minimal": "low", "low": "medium"}
_EFFORTS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (re.compile(r"o\d(?!\d)"), ("low", "medium", "high")),
    (re.compile(r"gpt-5(?:-|$)"), ("minimal", "low", "medium", "high")),
    (re.compile(r"gpt-5\.1(?!\d)"), ("none", "low", "medium", "high")),
    (re.compile(r"gpt-(?:5\.[2-9]|[6-9])"), ("none", "low", "medium", "high", "xhigh")),
)


@dataclass(frozen=True, slots=True)
class GenerateToOpenAI:
    """A `Translation` by way of the dialect's own."""

    dialect: Dialect

    def unfit(self, chat: Chat, target: Target) -> str | None:
        """Why the target can't do what the request asks for, in a few words; None: it can."""
        if chat.native_only is not None:
            return chat.native_only
        fitted = self._fitted(chat, target)
        return self.dialect.unfit(fitted, target) or (self._unfit_itself(fitted) if self._is_openai else None)

    def adapted(self, chat: Chat, target: Target) -> tuple[str, ...]:
        """What the target will not follow exactly although it answers."""
        wishes = [*chat.dropped]
        if self._is_openai and "top_k" in chat.fields:
            wishes.append("no top_k")
        effort = chat.value("reasoning_effort")
        fitted = self._effort(effort, target.model)
        if fitted != effort:
            wishes.append(f"reasoning effort {fitted}")
        form = chat.value("response_format")
        if (
            isinstance(form, dict)
            and form.get("type") == "json_schema"
            and not form["json_schema"].get("strict")
        ):
            wishes.append("the schema guides but does not bind")
        return (*wishes, *self.dialect.adapted(chat, target))

    def call(self, chat: Chat, target: Target, key: str | None) -> Call:
        """The upstream's request."""
        return self.dialect.call(self._fitted(chat, target), target, key)

    def answer(self, chat: Chat, target: Target, reply: Reply, *, created_s: int = 0) -> Answer | Fault:
        """Judge a whole reply and make of it an answer in the client's dialect."""
        try:
            return Composed(self.dialect, render).answer(chat, target, reply, created_s=created_s)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as problem:
            # The judge looks only as deep as it must, and the whole is decoded here.
            message = f"The answer can't be decoded: {problem}."
            return errors.make(Kind.MALFORMED_ANSWER, message, status=reply.status, body=reply.body)

    def reader(self, chat: Chat, target: Target, *, created_s: int = 0) -> StreamReader:
        """A reader whose events are chunks; the client's writer translates them."""
        return self.dialect.reader(chat, target, created_s=created_s)

    @property
    def _is_openai(self) -> bool:
        """Whether it is OpenAI itself, not a server like it."""
        return not isinstance(self.dialect, Compatible)

    def _fitted(self, chat: Chat, target: Target) -> Chat:
        """The chat as this kind of server takes it."""
        changed: dict[str, msgspec.Raw | None] = {}
        if self._is_openai and "top_k" in chat.fields:
            changed["top_k"] = None
        effort = chat.value("reasoning_effort")
        if (fitted := self._effort(effort, target.model)) != effort:
            changed["reasoning_effort"] = _raw(fitted)
        form = chat.value("response_format")
        if isinstance(form, dict) and form.get("type") == "json_object" and not _says_json(chat):
            changed["messages"] = _raw([_SAY_JSON, *chat.value("messages")])
        if not changed:
            return chat
        fields = {**chat.fields, **changed}
        kept = {name: raw for name, raw in fields.items() if raw is not None}
        return replace(chat, body=msgspec.json.encode(kept))

    def _effort(self, effort: Any, model: str) -> Any:
        """The effort that the model takes: the next higher where it has none so low, else its highest."""
        taken = next((efforts for pattern, efforts in _EFFORTS if pattern.match(model)), ())
        if not self._is_openai or not taken or not isinstance(effort, str):
            return effort
        while effort not in taken and effort in _UP:
            effort = _UP[effort]
        return effort if effort in taken else taken[-1]

    def _unfit_itself(self, chat: Chat) -> str | None:
        form = chat.value("response_format")
        named = form.get("json_schema") if isinstance(form, dict) else None
        if isinstance(named, dict) and named["schema"].get("type") != "object":
            return "OpenAI takes schemas of objects only"
        for tool in chat.value("tools") or ():
            name = tool["function"]["name"]
            if not _NAME.fullmatch(name):
                return f"OpenAI takes no function name {name[:80]!r}"
        return None


def _says_json(chat: Chat) -> bool:
    return b"json" in bytes(chat.fields["messages"]).lower()


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
