"""Gemini's finish and block reasons: what they are in OpenAI's words, or which fault they are.

Source: ai.google.dev/api/generate-content, FinishReason and BlockReason.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from halfopen import errors
from halfopen.model import Fault, Kind

_FINISHED: Mapping[str, str] = MappingProxyType(
    {
        "STOP": "stop",
        "MAX_TOKENS": "length",
        "CONTINUATION": "length",
        "SAFETY": "content_filter",
        "RECITATION": "content_filter",
        "LANGUAGE": "content_filter",
        "BLOCKLIST": "content_filter",
        "PROHIBITED_CONTENT": "content_filter",
        "SPII": "content_filter",
        "IMAGE_SAFETY": "content_filter",
        "IMAGE_PROHIBITED_CONTENT": "content_filter",
        "IMAGE_RECITATION": "content_filter",
        "MODEL_ARMOR": "content_filter",
        "ESCALATION": "content_filter",
    }
)
_FAULTS: Mapping[str, tuple[Kind, str]] = MappingProxyType(
    {
        "MALFORMED_FUNCTION_CALL": (
            Kind.MALFORMED_ANSWER,
            "The model made a tool call that can't be parsed.",
        ),
        "UNEXPECTED_TOOL_CALL": (Kind.MALFORMED_ANSWER, "The model called a tool that was not offered."),
        "TOO_MANY_TOOL_CALLS": (Kind.MALFORMED_ANSWER, "The model made too many tool calls in a row."),
        "MALFORMED_RESPONSE": (Kind.MALFORMED_ANSWER, "The model's answer was malformed."),
        "MISSING_THOUGHT_SIGNATURE": (
            Kind.MALFORMED_ANSWER,
            "A tool call in the history lacks its thought signature.",
        ),
        "PUP_LIMITED_DISABLED": (
            Kind.FORBIDDEN,
            "The account is limited or disabled for violations of the Prohibited Use Policy.",
        ),
    }
)


def finish_reason(reason: str, message: str, *, called: bool, legacy: bool) -> str | Fault:
    """Return OpenAI's finish reason for Gemini's, or the fault that it is.

    Args:
        reason: Gemini's finishReason. One that is not known is a fault: it may mean anything.
        message: Gemini's finishMessage, or nothing.
        called: Whether the candidate called functions.
        legacy: Whether the client speaks of `functions`.
    """
    finished = _FINISHED.get(reason)
    if finished == "stop" and called:
        return "function_call" if legacy else "tool_calls"
    if finished is not None:
        return finished
    kind, meaning = _FAULTS.get(reason, (Kind.MALFORMED_ANSWER, "The model stopped without a usable reason."))
    return errors.make(
        kind, message or meaning, status=200, code=reason, evidence=(f"finishReason {reason}",)
    )


def blocked(feedback: Any) -> Fault | None:
    """The fault of a prompt that Gemini refused (`promptFeedback`); None: it didn't."""
    reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
    if not isinstance(reason, str) or not reason:
        return None
    said = feedback.get("blockReasonMessage")
    words = said if isinstance(said, str) and said else f"Gemini blocked the prompt: {reason}."
    return errors.make(
        Kind.CONTENT_FILTERED,
        words,
        status=200,
        code=reason,
        evidence=(f"promptFeedback.blockReason {reason}",),
    )
