"""Gemini's generationConfig as fields of a chat completion request.

Rules
1. A number of thinking tokens becomes the next level of effort that gives as many; 0 is none, and -1
   (as the model likes) asks for nothing.
2. A guaranteed schema stays one (`strict`) where it can be guaranteed elsewhere: all properties
   required, no bounds or patterns. Otherwise other vendors try.
3. Every other modality than text, and what steers it, is Gemini's own.

Sources: ai.google.dev/api/generate-content, GenerationConfig; ai.google.dev/gemini-api/docs/openai
(thinking budgets and levels as reasoning_effort).
"""

from collections.abc import Callable, Mapping
from typing import Any

from halfopen.providers.clients.generate.losses import Losses
from halfopen.providers.clients.generate.proto_json import (
    BadRequestError,
    flag_at,
    integer_at,
    list_at,
    message_at,
    number_at,
    text_at,
)
from halfopen.providers.clients.generate.schema import binds, closed, json_schema

_WHERE = "generationConfig"
_SAME: Mapping[str, tuple[str, Callable[[Any, str], Any]]] = {
    "temperature": ("temperature", number_at),
    "topP": ("top_p", number_at),
    "topK": ("top_k", integer_at),
    "maxOutputTokens": ("max_completion_tokens", integer_at),
    "seed": ("seed", integer_at),
    "presencePenalty": ("presence_penalty", number_at),
    "frequencyPenalty": ("frequency_penalty", number_at),
}
_READ = frozenset(
    (
        "candidateCount",
        "logprobs",
        "responseJsonSchema",
        "responseLogprobs",
        "responseMimeType",
        "responseModalities",
        "responseSchema",
        "stopSequences",
        "thinkingConfig",
    )
)
_WISHES: Mapping[str, str] = {
    "mediaResolution": "no media resolution",
    "enableEnhancedCivicAnswers": "no enhanced civic answers",
}
_BUDGETS = ((0, "none"), (1024, "low"), (8192, "medium"))
_LEVELS: Mapping[str, str] = {
    "MINIMAL": "minimal",
    "LOW": "low",
    "MEDIUM": "medium",
    "HIGH": "high",
    "XHIGH": "xhigh",
}


def config_fields(config: Any, losses: Losses) -> dict[str, Any]:
    """Return the fields of the chat request. Raises BadRequestError."""
    given = message_at({} if config is None else config, _WHERE)
    fields: dict[str, Any] = {}
    for name, value in given.items():
        place = f"{_WHERE}.{name}"
        if same := _SAME.get(name):
            fields[same[0]] = same[1](value, place)
        elif name in _WISHES:
            losses.drop(_WISHES[name])
        elif name not in _READ and value is not False:
            losses.only_native(f"generationConfig.{name[:40]}")
    stops = [text_at(each, f"{_WHERE}.stopSequences") for each in list_at(given.get("stopSequences"))]
    if stops:
        fields["stop"] = stops
    count = integer_at(given.get("candidateCount", 1), f"{_WHERE}.candidateCount")
    if count < 1:
        raise BadRequestError(f"{_WHERE}.candidateCount must be at least 1.", f"{_WHERE}.candidateCount")
    if count > 1:
        fields["n"] = count
    fields |= _logprobs(given) | _format(given, losses)
    fields |= _thinking(given.get("thinkingConfig"), losses)
    _check_modalities(given, losses)
    return fields


def includes_thoughts(config: Any) -> bool:
    """Whether the client wants to see thoughts. Gemini shows none unasked. Only for a checked config."""
    given = message_at({} if config is None else config, _WHERE)
    thinking = message_at(given.get("thinkingConfig", {}), f"{_WHERE}.thinkingConfig")
    return thinking.get("includeThoughts") is True


def _logprobs(given: dict[str, Any]) -> dict[str, Any]:
    if not flag_at(given.get("responseLogprobs", False), f"{_WHERE}.responseLogprobs"):
        return {}
    top = integer_at(given.get("logprobs", 0), f"{_WHERE}.logprobs")
    return {"logprobs": True} | ({"top_logprobs": top} if top > 0 else {})


def _format(given: dict[str, Any], losses: Losses) -> dict[str, Any]:
    mime = text_at(given.get("responseMimeType", ""), f"{_WHERE}.responseMimeType").lower()
    schema: Any = None
    if "responseJsonSchema" in given:
        schema = given["responseJsonSchema"]
        if not isinstance(schema, dict):
            where = f"{_WHERE}.responseJsonSchema"
            raise BadRequestError(f"{where} must be an object.", where)
    elif "responseSchema" in given:
        schema = closed(json_schema(given["responseSchema"], f"{_WHERE}.responseSchema"))
    if mime not in ("", "text/plain", "application/json"):
        losses.only_native(f"answers of type {mime[:40]}")
        return {}
    if schema:
        named: dict[str, Any] = {"name": "response", "schema": schema}
        if binds(schema):
            named["strict"] = True
        return {"response_format": {"type": "json_schema", "json_schema": named}}
    return {"response_format": {"type": "json_object"}} if mime == "application/json" else {}


def _thinking(config: Any, losses: Losses) -> dict[str, Any]:
    if config is None:
        return {}
    where = f"{_WHERE}.thinkingConfig"
    fields = message_at(config, where)
    flag_at(fields.get("includeThoughts", False), f"{where}.includeThoughts")
    for name in fields:
        if name not in ("includeThoughts", "thinkingBudget", "thinkingLevel"):
            losses.drop(f"no {name[:40]}" if name.isascii() else "no thinking option")
    level = fields.get("thinkingLevel", "THINKING_LEVEL_UNSPECIFIED")
    if level != "THINKING_LEVEL_UNSPECIFIED":
        effort = _LEVELS.get(text_at(level, f"{where}.thinkingLevel").upper())
        if effort is None:
            raise BadRequestError(f"{where}.thinkingLevel is not known.", f"{where}.thinkingLevel")
        return {"reasoning_effort": effort}
    if "thinkingBudget" not in fields:
        return {}
    budget = integer_at(fields["thinkingBudget"], f"{where}.thinkingBudget")
    if budget < 0:
        return {}
    return {"reasoning_effort": next((word for most, word in _BUDGETS if budget <= most), "high")}


def _check_modalities(given: dict[str, Any], losses: Losses) -> None:
    for each in list_at(given.get("responseModalities")):
        modality = text_at(each, f"{_WHERE}.responseModalities").upper()
        if modality not in ("TEXT", "MODALITY_UNSPECIFIED"):
            losses.only_native(f"answers as {modality[:40].lower()}")
