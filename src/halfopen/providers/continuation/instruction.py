"""What a model without prefill is told, so that it goes on with an answer that was cut."""

from typing import Final

MARK: Final[str] = "Your previous message was cut off before it was complete."
"""The first sentence of the instruction, by which a continuation can be told from any other request."""

_GO_ON: Final[str] = (
    f"{MARK} Go on exactly where its text stops, in the middle of a sentence or a word if need be. "
    "Do not repeat any of it, do not begin anew, and write no introduction, apology or remark. "
    "Keep the language, the style and the format, and stay inside an open list, table or code block "
    "without opening it again. Begin with a blank or a line break if one belongs there. "
)
_CALL: Final[str] = "If a tool call is due next, make it. "
_STOP: Final[str] = (
    "Stop when the answer is complete. If it is complete already{unless_call}, answer with nothing."
)


def instruction(*, tools: bool) -> str:
    """The whole instruction: a user message after the text that was delivered.

    Args:
        tools: Whether the model has tools. An announcement ("Let me look that up.") reads like a
            complete answer although the call that was to follow is missing.
    """
    if not tools:
        return _GO_ON + _STOP.format(unless_call="")
    return _GO_ON + _CALL + _STOP.format(unless_call=" and no call is due")
