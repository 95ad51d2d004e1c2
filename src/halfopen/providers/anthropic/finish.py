"""How an answer ended: Anthropic's stop reasons as OpenAI's finish reasons.

`pause_turn` and a full context window end an answer that is not whole, so both are `length`: an
answer that is cut must not look finished. A stop reason that nobody knows is a fault, since it
could mean anything.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from halfopen import errors
from halfopen.model import Fault, Kind

FINISH_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "end_turn": "stop",
        "stop_sequence": "stop",
        "max_tokens": "length",
        "tool_use": "tool_calls",
        "refusal": "content_filter",
        "pause_turn": "length",
        "model_context_window_exceeded": "length",
    }
)

_BETA_REASONS: Mapping[str, str] = MappingProxyType({"compaction": "length"})
"""Of features that only a client of Anthropic's own API can ask for."""


def finish_reason_of(
    stop_reason: str, *, calls: int, has_text: bool, legacy: bool, may_be_empty: Callable[[], bool]
) -> str | Fault:
    """Judge the end of an answer.

    Args:
        stop_reason: Anthropic's.
        calls: How many tool calls the answer holds.
        has_text: Whether it holds text.
        legacy: Whether the client asked with `functions`, so that it expects one `function_call`.
        may_be_empty: Whether the request lets a model end its turn without a word. Asked when it did.

    Returns:
        OpenAI's finish reason, or the fault of an answer that is none.
    """
    reason = FINISH_REASONS.get(stop_reason) or _BETA_REASONS.get(stop_reason)
    if reason is None:
        return _fault(Kind.MALFORMED_ANSWER, "The answer has an unknown stop reason", stop_reason)
    if stop_reason == "end_turn" and not calls and not has_text and not may_be_empty():
        return _fault(Kind.EMPTY_ANSWER, "The answer is empty", stop_reason)
    if stop_reason == "tool_use" and not calls:
        return _fault(Kind.MALFORMED_ANSWER, "The answer says it calls a tool but doesn't", stop_reason)
    if legacy and calls > 1:
        return _fault(Kind.MALFORMED_ANSWER, "The answer calls several functions at once", stop_reason)
    if calls and reason in ("stop", "tool_calls"):
        return "function_call" if legacy else "tool_calls"
    return reason


def json_finish_of(stop_reason: str, *, calls: int) -> str | Fault:
    """Judge the end of an answer in JSON mode, where the input of the one forced call is the answer.

    Args:
        stop_reason: Anthropic's.
        calls: How many tool calls the answer holds.

    Returns:
        OpenAI's finish reason, or the fault of an answer that is none.
    """
    reason = FINISH_REASONS.get(stop_reason)
    if reason is None:
        return _fault(Kind.MALFORMED_ANSWER, "The answer has an unknown stop reason", stop_reason)
    if reason in ("length", "content_filter") and calls <= 1:
        return reason
    if calls != 1:
        return _fault(Kind.MALFORMED_ANSWER, f"The answer has {calls} JSON objects, not one", stop_reason)
    return "stop"


def _fault(kind: Kind, what: str, stop_reason: str) -> Fault:
    return errors.make(kind, f"{what}.", evidence=(f"stop_reason is {stop_reason[:80]!r}",))
