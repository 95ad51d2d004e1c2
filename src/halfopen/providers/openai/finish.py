"""What a finish reason says about the answer before it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from halfopen import errors
from halfopen.model import Fault, Kind

MAY_BE_EMPTY = frozenset(("length", "model_length", "content_filter"))
"""Reasons that explain an answer without content. `model_length` is Mistral's word for length."""

FAILED: Mapping[str, Kind] = MappingProxyType(
    {
        # https://openrouter.ai/docs/api-reference/errors and https://docs.mistral.ai/api: it failed midway.
        "error": Kind.ERROR_EVENT,
        # https://api-docs.deepseek.com/api/create-chat-completion: interrupted for want of resources.
        "insufficient_system_resource": Kind.OVERLOADED,
        # vLLM: the engine gave the request up.
        "abort": Kind.ERROR_EVENT,
    }
)
"""Reasons by which a server says that it failed, not that it finished."""


def judge_finish(reason: str, *, filled: bool, may_be_empty: Callable[[], bool]) -> Fault | None:
    """Say what is wrong with an answer that ended for this reason; None: nothing is.

    Args:
        reason: The server's finish reason, verbatim.
        filled: Whether any content, refusal or tool call came.
        may_be_empty: Whether the request lets a model finish without a word. Asked when it did.
    """
    kind = FAILED.get(reason)
    if kind is not None:
        return errors.make(kind, f"The answer ended with finish_reason {reason!r}.", code=reason)
    if not filled and reason not in MAY_BE_EMPTY and not (reason == "stop" and may_be_empty()):
        return errors.make(
            Kind.EMPTY_ANSWER,
            f"The answer has no content, refusal or tool call, and finish_reason {reason!r}.",
        )
    return None
