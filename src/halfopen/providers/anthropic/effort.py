"""Reasoning effort: OpenAI's `reasoning_effort` as Anthropic's adaptive thinking and effort."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from halfopen.providers.anthropic.translation_error import TranslationError

_LEVELS: Mapping[str, str] = MappingProxyType(
    {
        "none": "low",
        "minimal": "low",
        "low": "low",
        "medium": "medium",
        "high": "high",
        "xhigh": "xhigh",
        "max": "max",
    }
)
_BUDGET_ONLY = re.compile(r"claude-(3|(opus|sonnet|haiku)-4-(0|1|5|20\d{6})(?!\d))")
"""Models before 4.6, which think within a budget of tokens and want their thoughts given back in
the next turn. OpenAI's dialect has no place for that, so they don't get an effort."""
_NO_XHIGH = re.compile(r"claude-(opus|sonnet)-4-6")


def effort_of(level: object, model: str) -> dict[str, Any]:
    """The fields `thinking` and `output_config.effort` for a level; empty when none is asked for.

    Raises:
        TranslationError: The model or the dialect has no such level.
    """
    if level is None:
        return {}
    effort = _LEVELS.get(level) if isinstance(level, str) else None
    if effort is None:
        raise TranslationError(f"no reasoning effort {level!r}")
    if _BUDGET_ONLY.match(model):
        if level == "none":
            return {}
        raise TranslationError("no reasoning effort on models before Claude 4.6")
    if effort == "xhigh" and _NO_XHIGH.match(model):
        effort = "high"
    fields: dict[str, Any] = {"output_config": {"effort": effort}}
    if level != "none":
        # Summaries keep the stream alive while the model thinks.
        fields["thinking"] = {"type": "adaptive", "display": "summarized"}
    return fields
