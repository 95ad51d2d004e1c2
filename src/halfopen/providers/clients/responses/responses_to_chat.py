"""A request of the Responses API as the chat completion that means the same.

Every field is carried, or without effect on the answer, or a wish whose loss is said (`dropped`), or
a reason why only OpenAI can serve the request (`native_only`). A field that nobody here has heard of
may mean anything, so it is such a reason, too, unless it asks for nothing. What is wrong for every
target is a fault in OpenAI's words.

Without effect on the answer are metadata (the answer echoes it), `prompt_cache_*`, `include` and
`max_tool_calls` as far as they speak of OpenAI's own tools (which make the request native), and
`stream_options`, which only pads the events.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from halfopen.model import Fault
from halfopen.providers.ask import Ask
from halfopen.providers.chat import Chat
from halfopen.providers.clients.responses.input_items import messages_of
from halfopen.providers.clients.responses.notes import STORED, Notes, word
from halfopen.providers.clients.responses.request import missing, wrong_type, wrong_value
from halfopen.providers.clients.responses.tools import tool_fields

NATIVE: Mapping[str, str] = {
    "background": "responses in the background run at OpenAI",
    "conversation": STORED,
    "moderation": "moderation of the answer is OpenAI's own",
    "previous_response_id": STORED,
    "prompt": "prompt templates are stored at OpenAI",
}
"""Fields that only OpenAI can serve, with the reason."""

CARRIED = frozenset(
    (
        "context_management",
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "model",
        "parallel_tool_calls",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    )
)
"""Fields that are translated below."""

WITHOUT_EFFECT = frozenset(
    (
        "background_options",
        "image",
        "max_tool_calls",
        "metadata",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "stream_options",
    )
)
"""Fields that change nothing in an answer of another provider."""

_NOTHING: tuple[Any, ...] = (None, False, "", [], {})
_LOGPROBS = "message.output_text.logprobs"


def to_chat(ask: Ask) -> Chat | Fault:
    """Translate a request that `read_request` accepted."""
    request, notes = ask.deep, Notes()
    body: dict[str, Any] = {"model": ask.model, "messages": _messages(request, notes)}
    if ask.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    body |= tool_fields(request, notes)
    body |= _text_fields(request.get("text"), notes)
    body |= _reasoning_fields(request.get("reasoning"), notes)
    body |= _logprob_fields(request)
    for name, chat_name in _RENAMED:
        if request.get(name) is not None:
            body[chat_name] = request[name]
    _note_the_rest(request, notes)
    if notes.fault is not None:
        return notes.fault
    return Chat(
        msgspec.json.encode(body),
        ask.model,
        ask.stream,
        include_usage=True,
        origin=ask,
        native_only=notes.native_only,
        dropped=notes.dropped,
    )


_RENAMED = (
    ("max_output_tokens", "max_completion_tokens"),
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("safety_identifier", "user"),
    ("user", "user"),
)
"""Values that are the same in a chat; `user` is the name that every server knows, and wins."""


def _messages(request: Mapping[str, Any], notes: Notes) -> list[dict[str, Any]]:
    messages = messages_of(request.get("input"), notes)
    instructions = request.get("instructions")
    if instructions is None or instructions == "":
        return messages
    if not isinstance(instructions, str):
        notes.fail(wrong_type("instructions", "a string", instructions))
        return messages
    return [{"role": "system", "content": instructions}, *messages]


def _text_fields(text: Any, notes: Notes) -> dict[str, Any]:
    """The form of the answer and its length in words."""
    if text is None:
        return {}
    if not isinstance(text, dict):
        notes.fail(wrong_type("text", "an object", text))
        return {}
    fields: dict[str, Any] = {}
    if text.get("verbosity") is not None:
        fields["verbosity"] = text["verbosity"]
    form = text.get("format")
    if form is not None:
        fields |= _format_fields(form, notes)
    return fields


def _format_fields(form: Any, notes: Notes) -> dict[str, Any]:
    kind = form.get("type") if isinstance(form, dict) else None
    if not isinstance(form, dict):
        notes.fail(wrong_type("text.format", "an object", form))
    elif kind == "json_object":
        return {"response_format": {"type": "json_object"}}
    elif kind == "json_schema":
        for name in ("name", "schema"):
            if form.get(name) is None:
                notes.fail(missing(f"text.format.{name}"))
        members = ("name", "description", "schema", "strict")
        schema = {name: form[name] for name in members if form.get(name) is not None}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    elif kind is None:
        notes.fail(missing("text.format.type"))
    elif kind != "text":
        notes.fail(wrong_value("text.format.type", str(kind), ("json_object", "json_schema", "text")))
    return {}


def _reasoning_fields(reasoning: Any, notes: Notes) -> dict[str, Any]:
    if reasoning is None:
        return {}
    if not isinstance(reasoning, dict):
        notes.fail(wrong_type("reasoning", "an object", reasoning))
        return {}
    for name, value in reasoning.items():
        # A summary is what others send of their thoughts anyway, at a length of their own.
        if name not in ("effort", "summary", "generate_summary") and value not in (
            *_NOTHING,
            "auto",
            "standard",
        ):
            notes.drop(f"no reasoning {word(name)}")
    effort = reasoning.get("effort")
    return {} if effort is None else {"reasoning_effort": effort}


def _logprob_fields(request: Mapping[str, Any]) -> dict[str, Any]:
    include, top = request.get("include"), request.get("top_logprobs")
    wanted = isinstance(include, list) and _LOGPROBS in include
    if not wanted and top in (None, 0):
        return {}
    return {"logprobs": True} | ({} if top is None else {"top_logprobs": top})


def _note_the_rest(request: Mapping[str, Any], notes: Notes) -> None:
    """Say what is lost, and what only OpenAI can do."""
    for name, reason in NATIVE.items():
        if request.get(name) not in _NOTHING:
            notes.only_native(reason)
    if request.get("store") is not False:
        notes.drop("not stored")
    if request.get("truncation") == "auto":
        notes.drop("no truncation")
    if request.get("service_tier") not in (None, "auto", "default"):
        notes.drop("no service tier")
    if request.get("context_management") not in _NOTHING:
        notes.drop("context is not compacted")
    include = request.get("include")
    if isinstance(include, list) and "reasoning.encrypted_content" in include:
        notes.drop("no encrypted reasoning")
    for name, value in request.items():
        if (
            name not in CARRIED
            and name not in WITHOUT_EFFECT
            and name not in NATIVE
            and value not in _NOTHING
        ):
            notes.only_native(f"the field {word(name)}")
