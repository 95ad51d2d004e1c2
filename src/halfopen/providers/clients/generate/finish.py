"""OpenAI's finish reasons as Gemini's.

Gemini has no reason of its own for tool calls: it says STOP.
"""

from collections.abc import Mapping

_REASONS: Mapping[str, str] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "function_call": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
}


def finish_reason(reason: str, *, refused: bool, malformed: bool) -> str:
    """Return Gemini's finish reason.

    Args:
        reason: OpenAI's.
        refused: Whether the model refused in words, which OpenAI keeps apart from its answer.
        malformed: Whether the model made a function call that can't be parsed.
    """
    if malformed and _REASONS.get(reason) == "STOP":
        return "MALFORMED_FUNCTION_CALL"
    if refused and reason == "stop":
        return "SAFETY"
    return _REASONS.get(reason, "OTHER")
