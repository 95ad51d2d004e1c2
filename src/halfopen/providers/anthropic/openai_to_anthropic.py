"""OpenAI's chat completion request as Anthropic's Messages request.

Every field of OpenAI's has a row in docs/reference/translation-anthropic.md. The rules in short:
what Anthropic can do is translated; what it can't do makes the target unfit, unless the value
asks for nothing; hints that leave every answer as valid as before (a seed, a tier, a cache key)
have no effect. A field that nobody knows makes the target unfit as well. `adaptations` tells which
wishes of the client are not followed exactly.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from halfopen.model import Capabilities, Target
from halfopen.providers.anthropic.effort import effort_of, forced_fields
from halfopen.providers.anthropic.json_mode import json_toolset, wants_json_object
from halfopen.providers.anthropic.messages import Conversation, conversation_of
from halfopen.providers.anthropic.schema import Schemas
from halfopen.providers.anthropic.tools import Toolset, toolset_of
from halfopen.providers.anthropic.translation_error import TranslationError
from halfopen.providers.chat import Chat
from halfopen.providers.number import whole

DEFAULT_MAX_TOKENS = 8192
"""Most tokens of an answer when the client doesn't say: Anthropic counts all of them against the rate
limit before the answer begins, so the model's most would use the limit up."""

TRANSLATED = frozenset(
    (
        "function_call",
        "functions",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "parallel_tool_calls",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
        "user",
    )
)
"""Fields that Anthropic's request carries in some form."""

WITHOUT_EFFECT = frozenset(
    (
        "metadata",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "seed",
        "service_tier",
        "store",
        "verbosity",
    )
)
"""Fields that are not sent: without them every answer is as valid as with them."""


def _is_nothing(value: object) -> bool:
    return value is False or value in (0, {}, [], "")


NEUTRAL: Mapping[str, Callable[[object], bool]] = MappingProxyType(
    {
        "audio": _is_nothing,
        "frequency_penalty": _is_nothing,
        "logit_bias": _is_nothing,
        "logprobs": _is_nothing,
        "modalities": lambda value: value == ["text"],
        "moderation": _is_nothing,
        "n": lambda value: value == 1,
        "presence_penalty": _is_nothing,
        "top_logprobs": _is_nothing,
        "web_search_options": lambda _value: False,
    }
)
"""Fields that Anthropic can't do, each with the test for a value that asks for nothing."""


def translate(chat: Chat, target: Target) -> dict[str, Any]:
    """Make the body of the Messages request.

    Raises:
        TranslationError: The request holds something that the target can't do.
    """
    try:
        request = chat.deep
        return _translate(request, chat, target)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise TranslationError(f"the request is not valid JSON: {problem}") from None
    except RecursionError:
        raise TranslationError("the request is nested too deep") from None


def _translate(request: Mapping[str, Any], chat: Chat, target: Target) -> dict[str, Any]:
    _refuse_the_impossible(request)
    able = target.capabilities
    schemas = Schemas()
    conversation = conversation_of(request.get("messages"))
    toolset = toolset_of(request, conversation.called, schemas, can_be_strict=able.json_schema)
    if wants_json_object(request.get("response_format")):
        toolset = json_toolset(request, conversation, toolset, able)
    fields = effort_of(request.get("reasoning_effort"), target)
    sampling = _sampling(request, target.model, able)
    form = _output_format(request.get("response_format"), schemas)
    _refuse_together(conversation, toolset, fields | sampling, form, can_prefill=able.prefill)

    body: dict[str, Any] = {
        "model": target.model,
        "max_tokens": _max_tokens(request, able.output_tokens),
        "messages": list(conversation.turns),
    }
    if conversation.system:
        body["system"] = list(conversation.system)
    if toolset.tools:
        body["tools"] = list(toolset.tools)
    if toolset.choice is not None:
        body["tool_choice"] = toolset.choice
    if toolset.forced:
        fields |= forced_fields(target.model)
    body |= fields | sampling
    if form is not None:
        body["output_config"] = {**fields.get("output_config", {}), "format": form}
    if stops := _stop_sequences(request.get("stop")):
        body["stop_sequences"] = stops
    if user := _user_id(request):
        body["metadata"] = {"user_id": user}
    if chat.stream:
        body["stream"] = True
    return body


def _refuse_the_impossible(request: Mapping[str, Any]) -> None:
    for name, value in request.items():
        if value is None or name in TRANSLATED or name in WITHOUT_EFFECT:
            continue
        is_neutral = NEUTRAL.get(name)
        if is_neutral is None:
            raise TranslationError(f"the field {name[:80]!r} is not known")
        if not is_neutral(value):
            raise TranslationError(f"no {name}")


def _refuse_together(
    conversation: Conversation,
    toolset: Toolset,
    fields: Mapping[str, Any],
    form: Mapping[str, Any] | None,
    *,
    can_prefill: bool,
) -> None:
    """Refuse what Anthropic can do, but not at the same time."""
    thinking = "thinking" in fields
    if conversation.prefilled:
        if not can_prefill:
            raise TranslationError("an assistant's message at the end can't be continued")
        if thinking or form is not None:
            raise TranslationError("an assistant's message at the end with reasoning or a schema")
    if thinking and toolset.forced:
        raise TranslationError("a forced tool call with reasoning")
    if thinking and not _SAMPLING.isdisjoint(fields):
        raise TranslationError("sampling can't be changed with reasoning")


def _max_tokens(request: Mapping[str, Any], most: int | None) -> int:
    asked = request.get("max_completion_tokens")
    if asked is None:
        asked = request.get("max_tokens")
    asked = whole(asked)
    if asked is None:
        return min(most or DEFAULT_MAX_TOKENS, DEFAULT_MAX_TOKENS)
    if isinstance(asked, bool) or not isinstance(asked, int) or asked < 1:
        raise TranslationError("the limit of output tokens is no positive whole number")
    return asked


_SAMPLING = frozenset(("temperature", "top_p", "top_k"))
TAKES_BOTH = re.compile(r"claude-(3|(opus|sonnet)-4-(0|20\d{6})(?!\d))")
"""Models that take temperature and top_p together; later ones answer 400."""


def _sampling(request: Mapping[str, Any], model: str, able: Capabilities) -> dict[str, float]:
    """Temperature, top_p and top_k, unless at the default of both vendors.

    OpenAI's temperature goes up to 2, Anthropic's to 1: above 1 it is 1, as in Anthropic's own
    layer for OpenAI clients. Where a model takes one of temperature and top_p only, temperature
    goes first. At temperature 0 top_p means nothing.
    """
    temperature = _number(request, "temperature", 2)
    top_p = _number(request, "top_p", 1)
    sampling: dict[str, float] = {}
    if temperature is not None and temperature < 1:
        sampling["temperature"] = temperature
    both = TAKES_BOTH.match(model) is not None
    if top_p is not None and top_p < 1 and temperature != 0 and (both or not sampling):
        sampling["top_p"] = top_p
    top_k = _top_k(request)
    if top_k is not None and able.sampling:
        sampling["top_k"] = top_k
    return sampling


def _top_k(request: Mapping[str, Any]) -> int | None:
    """Not OpenAI's, but common. 0 and -1 are how servers write no bound."""
    value = whole(request.get("top_k"))
    if value is None or (not isinstance(value, bool) and value in (0, -1)):
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TranslationError("top_k is no whole number")
    return value


def _number(request: Mapping[str, Any], name: str, most: float) -> float | None:
    value = request.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TranslationError(f"{name} is no number")
    if not 0 <= value <= most:
        raise TranslationError(f"{name} is not between 0 and {most}")
    return value


def _output_format(form: object, schemas: Schemas) -> dict[str, Any] | None:
    if form is None:
        return None
    kind = form.get("type") if isinstance(form, dict) else None
    if not isinstance(form, dict) or kind not in ("text", "json_object", "json_schema"):
        raise TranslationError(f"no response format {kind!r}")
    if kind in ("text", "json_object"):  # JSON mode is a tool
        return None
    wanted = form.get("json_schema")
    if not isinstance(wanted, dict):
        raise TranslationError("response_format has no json_schema")
    schema, description = wanted.get("schema"), wanted.get("description")
    if isinstance(schema, dict) and isinstance(description, str) and description:
        schema = {"description": description, **schema}
    return {
        "type": "json_schema",
        "schema": schemas.output(schema, strict=wanted.get("strict") is True),
    }


def _stop_sequences(stop: object) -> list[str]:
    if stop is None:
        return []
    stops = [stop] if isinstance(stop, str) else stop
    if not isinstance(stops, list) or not all(isinstance(each, str) for each in stops):
        raise TranslationError("stop is neither text nor a list of texts")
    if not all(each.strip() for each in stops):
        raise TranslationError("no stop sequence of whitespace only")
    return stops


def _user_id(request: Mapping[str, Any]) -> str | None:
    """The caller's user, for the detection of abuse; nothing that Anthropic refuses or forbids.

    Anthropic forbids e-mail addresses and telephone numbers, and takes at most 256 characters.
    """
    for name in ("safety_identifier", "user"):
        value = request.get(name)
        if isinstance(value, str) and value.strip() and len(value) <= 256:
            telephone = not any(character.isalpha() for character in value) and len(value) >= 7
            if "@" not in value and not telephone:
                return value
    return None
