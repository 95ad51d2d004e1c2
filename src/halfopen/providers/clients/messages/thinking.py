"""Thinking: Anthropic's budgets and efforts as a chat completion's `reasoning_effort`.

The effort says more than a budget, so it goes first. The bounds between the levels lie between the
budgets that Google documents for its efforts: 1,024, 8,192 and 24,576 tokens.

Source: platform.claude.com/docs/en/build-with-claude/{thinking,effort}.
"""

from typing import Any

from halfopen.providers.clients.messages.notes import Notes, WrongShapeError

LOW_BUDGET_MAX = 4096
"""Tokens; a budget up to this is a low effort."""
MEDIUM_BUDGET_MAX = 16384
"""Tokens; a budget up to this is a medium effort."""
EFFORTS = ("low", "medium", "high", "xhigh", "max")


def effort_of(thinking: object, output_config: object, notes: Notes) -> str | None:
    """The `reasoning_effort` that a request means; None: it says nothing about it.

    Args:
        thinking: The request's `thinking`.
        output_config: Its `output_config`.
        notes: Where it is noted what only Anthropic can do.

    Raises:
        WrongShapeError: Something is of a shape that Anthropic refuses.
    """
    kind, budget = _kind(thinking)
    effort = output_config.get("effort") if isinstance(output_config, dict) else None
    if effort is not None and effort not in EFFORTS:
        allowed = ", ".join(repr(each) for each in EFFORTS)
        raise WrongShapeError("output_config.effort", f"Input should be one of {allowed}")
    match kind:
        case "disabled":
            return "none"
        case "enabled" if effort is None:
            return budget_effort(budget)
        case "adaptive" if effort is None:
            return "medium"
        case None | "enabled" | "adaptive":
            return effort
        case _:
            notes.only_native(f"thinking of type {kind}")
            return None


def budget_effort(budget: int) -> str:
    """The effort that a budget of tokens means."""
    if budget <= LOW_BUDGET_MAX:
        return "low"
    return "medium" if budget <= MEDIUM_BUDGET_MAX else "high"


def hides_thinking(thinking: Any) -> bool:
    """Whether the client asked not to see the model's thoughts."""
    return isinstance(thinking, dict) and (
        thinking.get("type") == "disabled" or thinking.get("display") == "omitted"
    )


def _kind(thinking: object) -> tuple[str | None, int]:
    if thinking is None:
        return None, 0
    if not isinstance(thinking, dict):
        raise WrongShapeError("thinking", "Input should be an object")
    kind, budget = thinking.get("type"), thinking.get("budget_tokens")
    if not isinstance(kind, str):
        raise WrongShapeError("thinking.type", "Field required")
    if kind != "enabled":
        return kind, 0
    if isinstance(budget, bool) or not isinstance(budget, int):
        what = "Field required" if budget is None else "Input should be a valid integer"
        raise WrongShapeError("thinking.enabled.budget_tokens", what)
    return kind, budget
