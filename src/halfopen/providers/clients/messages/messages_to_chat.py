"""Anthropic's Messages request as a chat completion request.

Every field of the request is translated, noted as lost (a wish), or a reason why only Anthropic can
serve it. A field that nobody here has heard of is such a reason, too, unless it is null.

What becomes of what the two dialects don't share:

| what | rule |
|---|---|
| reasoning | `thinking` and `output_config.effort` become `reasoning_effort`. Thoughts in the answer become `thinking` blocks with an empty signature, unless the client turned thinking off or its display. Thoughts in the history are left out for others; Anthropic gets those that it signed |
| citations | asked for (`citations.enabled`): Anthropic only. In the history: left out, their text stays. An answer from elsewhere has none |
| refusals | an answer's refusal is text, with `stop_reason` `refusal` and the text as `stop_details.explanation`; so is one that a filter cut |
| log-probabilities | Anthropic has none, so none are asked for; those of an answer are left out |
| parallel calls | each call is a `tool_use` block, written whole; `disable_parallel_tool_use` becomes `parallel_tool_calls: false` |
| n | Anthropic has one answer; of several choices the first is given |
| invalid arguments | `input` must be an object, so a call whose arguments are none gets `{"INVALID_JSON": …}` with the text, as Anthropic advises |

Sources: platform.claude.com/docs/en/api/messages, and the pages of each feature.
"""  # noqa: E501 - a table

from collections.abc import Mapping
from typing import Any

from halfopen.providers.clients.messages.context_edits import note_edits
from halfopen.providers.clients.messages.history import messages_of
from halfopen.providers.clients.messages.notes import Notes, WrongShapeError
from halfopen.providers.clients.messages.thinking import effort_of
from halfopen.providers.clients.messages.tools import tool_fields

TRANSLATED = frozenset(
    (
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "output_config",
        "output_format",
        "service_tier",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    )
)
"""Fields that the chat carries in some form."""

WITHOUT_EFFECT = frozenset(("billing_policy", "cache_control", "fallback_credit_token", "user_profile_id"))
"""Fields about price and books, which no answer depends on."""

WISHES: Mapping[str, str] = {
    "diagnostics": "diagnostics has no effect",
    "fallbacks": "fallbacks have no effect",
    "speed": "speed has no effect",
}
"""Fields that others can't be told, though their answer is as good."""

FORMAT_NAME = "answer"
"""The name of a schema, which the chat needs and Anthropic has none for."""


def chat_fields(request: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    """Translate a request.

    Args:
        request: The decoded body, whose model, max_tokens, stream and list of messages are sound.
        notes: Where it is noted what is lost and what only Anthropic can do.

    Raises:
        WrongShapeError: Something is of a shape that Anthropic refuses.
    """
    _note_others(request, notes)
    config = _object(request, "output_config")
    chat: dict[str, Any] = {
        "model": request["model"],
        "messages": messages_of(request.get("system"), request["messages"], notes),
        "max_completion_tokens": request["max_tokens"],
    }
    if request["max_tokens"] == 0:
        notes.only_native("max_tokens of 0, which fills Anthropic's cache")
    for name in ("temperature", "top_p", "top_k"):
        if request.get(name) is not None:
            chat[name] = _number(request[name], name)
    if stops := _stop_sequences(request.get("stop_sequences")):
        chat["stop"] = stops
    chat |= tool_fields(request.get("tools"), request.get("tool_choice"), notes)
    form = config.get("format")
    chat |= _response_format(request.get("output_format") if form is None else form, notes)
    if effort := effort_of(request.get("thinking"), config, notes):
        chat["reasoning_effort"] = effort
    for name in config.keys() - {"effort", "format"}:
        if config[name] is not None:
            notes.only_native(f"output_config.{name}")
    user = _object(request, "metadata").get("user_id")
    if isinstance(user, str) and user:
        chat["user"] = user
    if request.get("service_tier") == "standard_only":
        chat["service_tier"] = "default"
    if request.get("stream") is True:
        chat["stream"] = True
    return chat


def _note_others(request: Mapping[str, Any], notes: Notes) -> None:
    for name, value in request.items():
        if value is None or name in TRANSLATED or name in WITHOUT_EFFECT:
            continue
        if name == "context_management":
            note_edits(value, notes)
        elif name in WISHES:
            notes.drop(WISHES[name])
        elif name != "mcp_servers" or value != []:
            notes.only_native(f"the field {name[:80]}")


def _object(request: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = request.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise WrongShapeError(name, "Input should be an object")
    return value


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongShapeError(name, "Input should be a valid number")
    return value


def _stop_sequences(stops: object) -> list[str]:
    if stops is None:
        return []
    if not isinstance(stops, list) or not all(isinstance(each, str) for each in stops):
        raise WrongShapeError("stop_sequences", "Input should be a list of strings")
    return stops


def _response_format(form: object, notes: Notes) -> dict[str, Any]:
    if form is None:
        return {}
    if not isinstance(form, dict):
        raise WrongShapeError("output_config.format", "Input should be an object")
    if form.get("type") != "json_schema":
        notes.only_native(f"an output format of type {form.get('type')}")
        return {}
    schema = form.get("schema")
    if not isinstance(schema, dict):
        raise WrongShapeError("output_config.format.schema", "Input should be an object")
    # Anthropic always guarantees the schema, which is what `strict` asks for.
    named = {"name": FORMAT_NAME, "schema": schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": named}}
