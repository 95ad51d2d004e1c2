"""Reasoning: OpenAI's `reasoning_effort` as Anthropic's adaptive thinking and effort.

Sources: platform.claude.com/docs/en/build-with-claude/adaptive-thinking, and the pages "What's new"
of Opus 5, Opus 5.5 and Sonnet 5.5 (thinking by default, forced tool use).
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from halfopen.model import Target
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
the next turn. OpenAI's dialect has no place for that, so they answer without thinking."""
_NO_XHIGH = re.compile(r"claude-(opus|sonnet)-4-6")


_NEVER_FORCED = re.compile(r"claude-(fable|mythos|(opus|sonnet)-5-[5-9]|[a-z]+-([6-9]|\d\d)(?!\d))")
"""Models that always think, so that they answer a forced tool call with 400."""
_THINKS_UNASKED = re.compile(r"claude-[a-z]+-5(?!\d)")
"""Models that think unless told not to."""
_TAKES_BUDGET = re.compile(r"claude-(3|(opus|sonnet|haiku)-4-([0-6]|20\d{6})(?!\d))")
"""Models that take a budget of tokens for thinking; later ones answer it with 400."""


def has_effort(target: Target) -> bool:
    """Whether a model takes an effort."""
    return target.capabilities.reasoning and not _BUDGET_ONLY.match(target.model)


def thinks_in_budget_only(model: str) -> bool:
    """Whether a model knows a budget of tokens for thinking, and neither adaptive thinking nor effort."""
    return _BUDGET_ONLY.match(model) is not None


def takes_budget(model: str) -> bool:
    """Whether a model takes a budget of tokens for thinking."""
    return _TAKES_BUDGET.match(model) is not None


def always_thinks(model: str) -> bool:
    """Whether a model's thinking can't be turned off."""
    return _NEVER_FORCED.match(model) is not None


def thinks_unasked(model: str) -> bool:
    """Whether a model thinks unless it is told not to."""
    return _THINKS_UNASKED.match(model) is not None


def forced_fields(model: str) -> dict[str, Any]:
    """The fields that a forced tool call needs: thinking and forcing exclude each other.

    Raises:
        TranslationError: The model always thinks.
    """
    if _NEVER_FORCED.match(model):
        raise TranslationError("no forced tool call, because the model always thinks")
    return {"thinking": {"type": "disabled"}} if _THINKS_UNASKED.match(model) else {}


def effort_of(level: object, target: Target) -> dict[str, Any]:
    """The fields `thinking` and `output_config.effort` for a level.

    Empty when none is asked for, and for a model that takes none: it answers without thinking.

    Raises:
        TranslationError: There is no such level.
    """
    if level is None:
        return {}
    effort = _LEVELS.get(level) if isinstance(level, str) else None
    if effort is None:
        raise TranslationError(f"no reasoning effort {level!r}")
    if not has_effort(target):
        return {}
    if effort == "xhigh" and _NO_XHIGH.match(target.model):
        effort = "high"
    fields: dict[str, Any] = {"output_config": {"effort": effort}}
    if level != "none":
        # Summaries keep the stream alive while the model thinks.
        fields["thinking"] = {"type": "adaptive", "display": "summarized"}
    return fields
