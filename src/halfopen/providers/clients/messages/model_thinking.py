"""Thinking for another Claude model than the one that the client asked for.

Claude models up to 4.5 take a budget only, 4.6 takes it beside adaptive thinking, later ones refuse
it, and the newest refuse to have thinking turned off: each answers the others' forms with 400. When
one stands in for another, the request must ask in the form that it knows.

Sources: platform.claude.com/docs/en/build-with-claude/{thinking,adaptive-thinking,effort}.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from halfopen.model import Target
from halfopen.providers.anthropic.effort import (
    always_thinks,
    takes_budget,
    thinks_in_budget_only,
    thinks_unasked,
)
from halfopen.providers.ask import plain_value
from halfopen.providers.clients.messages.thinking import budget_effort

_FAMILY = "claude-"
Fields = Mapping[str, msgspec.Raw]


def thinking_fitted(fields: Fields, target: Target) -> tuple[Fields, str | None]:
    """Ask for thinking in the form that the target's model knows.

    Args:
        fields: The fields of the client's request.
        target: A model by another name than the client's; one that is no Claude is left alone.

    Returns:
        The fields, the same object when they stay, and what the client may notice in a few words.
    """
    thinking, config = _object(fields, "thinking"), _object(fields, "output_config")
    kind, effort = thinking.get("type"), config.get("effort")
    model = target.model
    if not model.startswith(_FAMILY) or (kind is None and effort is None):
        return fields, None
    if not target.capabilities.reasoning or thinks_in_budget_only(model):
        keeps = kind == "disabled" or (kind == "enabled" and target.capabilities.reasoning)
        if keeps and effort is None:
            return fields, None
        made = _with(fields, thinking if keeps else {}, {**config, "effort": None})
        return made, "effort has no effect" if keeps else "thinking has no effect"
    if kind == "enabled" and not takes_budget(model):
        budget = thinking.get("budget_tokens")
        level = effort or budget_effort(budget if isinstance(budget, int) else 0)
        adaptive = {**thinking, "type": "adaptive", "budget_tokens": None}
        return _with(fields, adaptive, {**config, "effort": level}), "thinking is adaptive"
    if kind == "disabled" and always_thinks(model):
        return _with(fields, {}, {**config, "effort": "low"}), "thinking can't be turned off"
    if kind == "disabled" and not thinks_unasked(model) and not takes_budget(model):
        return _with(fields, {}, config), None  # it doesn't think unless asked, and refuses the word
    return fields, None


def _object(fields: Fields, name: str) -> dict[str, Any]:
    raw = fields.get(name)
    value = None if raw is None else plain_value(raw)
    return value if isinstance(value, dict) else {}


def _with(fields: Fields, thinking: dict[str, Any], config: dict[str, Any]) -> Fields:
    """The fields with another `thinking` and `output_config`, without what is None or empty."""
    made = {name: raw for name, raw in fields.items() if name not in ("thinking", "output_config")}
    for name, value in (("thinking", thinking), ("output_config", config)):
        kept = {key: each for key, each in value.items() if each is not None}
        if kept:
            made[name] = msgspec.Raw(msgspec.json.encode(kept))
    return made
