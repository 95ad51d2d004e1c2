"""How an answer ended: a chat completion's finish reason as Anthropic's stop reason."""

from collections.abc import Mapping, Sequence
from typing import Any

_REASONS: Mapping[str, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
    # Mistral's word: the context, not the limit, was the bound.
    "model_length": "model_context_window_exceeded",
}


def stop_fields(
    finish_reason: str, *, calls: int, refusal: str, matched: object = None, stops: Sequence[str] = ()
) -> dict[str, Any]:
    """The fields `stop_reason`, `stop_sequence` and `stop_details`.

    Args:
        finish_reason: The chat completion's; one that nobody knows is an end like any other.
        calls: How many tool calls the answer holds.
        refusal: What the model said instead of an answer; empty: it didn't refuse.
        matched: The stop sequence that ended the answer, where a server says so (vLLM's `stop_reason`).
        stops: The stop sequences that the client gave.
    """
    reason = _REASONS.get(finish_reason, "end_turn")
    sequence = None
    if reason == "tool_use" and not calls:
        reason = "end_turn"
    if reason == "end_turn":
        if calls:
            reason = "tool_use"
        elif refusal:
            reason = "refusal"
        elif isinstance(matched, str) and matched in stops:
            reason, sequence = "stop_sequence", matched
    details = None
    if reason == "refusal":
        details = {"type": "refusal", "category": None, "explanation": refusal or None}
    return {"stop_reason": reason, "stop_sequence": sequence, "stop_details": details}
