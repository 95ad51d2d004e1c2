"""Gemini's usageMetadata as token counts."""

from typing import Any

from halfopen.model import Usage


def read_usage(metadata: Any) -> Usage | None:
    """Read usageMetadata; None: there is none. Counts that make no sense are 0.

    Gemini counts thoughts beside the candidates' tokens and results of its own tools beside the
    prompt; OpenAI counts both inside.
    """
    if not isinstance(metadata, dict):
        return None
    reasoning = _count(metadata, "thoughtsTokenCount")
    return Usage(
        input_tokens=_count(metadata, "promptTokenCount") + _count(metadata, "toolUsePromptTokenCount"),
        output_tokens=_count(metadata, "candidatesTokenCount") + reasoning,
        cached_tokens=_count(metadata, "cachedContentTokenCount"),
        reasoning_tokens=reasoning,
    )


def openai_usage(usage: Usage) -> dict[str, Any]:
    """Return the counts in OpenAI's shape."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def _count(metadata: dict[str, Any], name: str) -> int:
    value = metadata.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
