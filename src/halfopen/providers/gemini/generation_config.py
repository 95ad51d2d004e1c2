"""Limits, sampling, output format and reasoning, as Gemini's generationConfig.

Sources: ai.google.dev/api/generate-content (GenerationConfig) and
ai.google.dev/gemini-api/docs/openai (reasoning_effort to thinking budgets and levels).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from halfopen.providers.gemini.generation import Generation, Thinking
from halfopen.providers.gemini.schema import to_gemini_schema
from halfopen.providers.gemini.untranslatable import UntranslatableError
from halfopen.providers.number import whole

STOP_MAX = 5
CANDIDATES_MAX = 8
PRO_BUDGET_MIN = 128
"""Tokens; 2.5 Pro can't reason with fewer, or not at all."""

_SAME: Mapping[str, str] = MappingProxyType({"temperature": "temperature", "top_p": "topP", "top_k": "topK"})
_PENALTIES: Mapping[str, str] = MappingProxyType(
    {"presence_penalty": "presencePenalty", "frequency_penalty": "frequencyPenalty"}
)
_BUDGETS: Mapping[str, int] = MappingProxyType(
    {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}
)
_LEVELS: Mapping[str, str] = MappingProxyType(
    {
        "none": "MINIMAL",
        "minimal": "MINIMAL",
        "low": "LOW",
        "medium": "MEDIUM",
        "high": "HIGH",
        "xhigh": "HIGH",
        "max": "HIGH",
    }
)


def generation_config(deep: Mapping[str, Any], generation: Generation) -> dict[str, Any]:
    """Return the generationConfig; empty when the request leaves everything to the model.

    Raises:
        UntranslatableError: The model can't do what is asked for.
    """
    config: dict[str, Any] = {}
    for name, gemini_name in _SAME.items():
        if deep.get(name) is not None:
            config[gemini_name] = deep[name]
    for name, gemini_name in _PENALTIES.items():
        if deep.get(name):
            if not generation.penalties:
                raise UntranslatableError(name)
            config[gemini_name] = deep[name]
    limit = deep.get("max_completion_tokens")
    limit = deep.get("max_tokens") if limit is None else limit
    if limit is not None:
        config["maxOutputTokens"] = whole(limit)
    config |= _stop(deep.get("stop"))
    config |= _candidates(deep.get("n"))
    config |= _seed(deep.get("seed"))
    config |= _logprobs(deep)
    config |= _format(deep, generation)
    config |= _thinking(deep.get("reasoning_effort"), generation)
    return config


def _stop(stop: Any) -> dict[str, Any]:
    wanted = [] if stop is None else stop if isinstance(stop, list) else [stop]
    if not all(isinstance(each, str) for each in wanted):
        raise UntranslatableError("stop sequences that are no text")
    sequences = [each for each in wanted if each]
    if len(sequences) > STOP_MAX:
        raise UntranslatableError(f"at most {STOP_MAX} stop sequences ({len(sequences)} asked)")
    return {"stopSequences": sequences} if sequences else {}


def candidates_asked(deep: Mapping[str, Any]) -> int:
    """How many choices the request asks for; at least 1."""
    n = deep.get("n")
    return n if isinstance(n, int) and n > 1 else 1


def _candidates(n: Any) -> dict[str, Any]:
    if n is None or n == 1:
        return {}
    if not isinstance(n, int) or not 1 <= n <= CANDIDATES_MAX:
        raise UntranslatableError(f"at most {CANDIDATES_MAX} choices (n = {str(n)[:20]} asked)")
    return {"candidateCount": n}


def _seed(seed: Any) -> dict[str, Any]:
    """Fold a 64-bit seed into Gemini's 32 bits: the same seed stays the same seed."""
    if not isinstance(seed, int) or isinstance(seed, bool):
        return {} if seed is None else {"seed": seed}
    return {"seed": (seed + 2**31) % 2**32 - 2**31}


def _logprobs(deep: Mapping[str, Any]) -> dict[str, Any]:
    if not deep.get("logprobs"):
        return {}
    top = deep.get("top_logprobs")
    return {"responseLogprobs": True} | ({"logprobs": top} if top else {})


def _format(deep: Mapping[str, Any], generation: Generation) -> dict[str, Any]:
    wanted = deep.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if wanted is None or kind == "text":
        return {}
    if kind not in ("json_object", "json_schema"):
        raise UntranslatableError(f"the response format {str(kind)[:40]}")
    if (deep.get("tools") or deep.get("functions")) and not generation.tools_with_json:
        raise UntranslatableError("tools and JSON output together")
    config: dict[str, Any] = {"responseMimeType": "application/json"}
    if kind == "json_schema":
        named = wanted.get("json_schema")
        schema = named.get("schema") if isinstance(named, dict) else None
        if not isinstance(schema, dict):
            raise UntranslatableError("a json_schema format without a schema")
        config["responseJsonSchema"] = _described(to_gemini_schema(schema), named)
    return config


def _described(schema: dict[str, Any], named: Any) -> dict[str, Any]:
    """Keep the name and the description that OpenAI has beside the schema inside of it."""
    named_so = {"title": named.get("name"), "description": named.get("description")}
    return {key: text for key, text in named_so.items() if isinstance(text, str) and text} | schema


def _thinking(effort: Any, generation: Generation) -> dict[str, Any]:
    if effort is None:
        return {}
    if not isinstance(effort, str) or effort not in _BUDGETS:
        raise UntranslatableError(f"the reasoning effort {str(effort)[:40]}")
    if generation.thinking is Thinking.NONE:
        if effort == "none":
            return {}
        raise UntranslatableError("no reasoning")
    # Who asks for an effort reads the thoughts; unasked, Gemini keeps them to itself.
    shown = {} if effort == "none" else {"includeThoughts": True}
    if generation.thinking is Thinking.BUDGET:
        budget = max(_BUDGETS[effort], PRO_BUDGET_MIN if generation.pro else 0)
        return {"thinkingConfig": {"thinkingBudget": budget, **shown}}
    level = _LEVELS[effort]
    if generation.pro and level == "MINIMAL":
        level = "LOW"  # the least that a Pro model takes
    if generation.pro and generation.version == (3, 0) and level == "MEDIUM":
        level = "HIGH"  # 3.0 Pro knew low and high only
    return {"thinkingConfig": {"thinkingLevel": level, **shown}}
