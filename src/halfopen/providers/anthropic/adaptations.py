"""Which wishes of a request Claude doesn't follow exactly, although it answers.

None of them makes an answer invalid, but the client may want to know. What `openai_to_anthropic`
does about each of these fields is said here in a few words.
"""

from halfopen.model import Target
from halfopen.providers.anthropic.effort import has_effort
from halfopen.providers.anthropic.openai_to_anthropic import TAKES_BOTH
from halfopen.providers.chat import Chat

TEMPERATURE_MAX = 1


def adaptations(chat: Chat, target: Target) -> tuple[str, ...]:
    """The wishes that are not followed exactly, a short phrase each. Only for a chat that fits."""
    made = []
    temperature, top_p = chat.value("temperature"), chat.value("top_p")
    if _is_number(temperature) and temperature > TEMPERATURE_MAX:
        made.append("temperature is 1, the most there is")
    both = _is_number(temperature) and _is_number(top_p) and 0 < temperature < 1 and top_p < 1
    if both and not TAKES_BOTH.match(target.model):
        made.append("top_p is left out beside temperature")
    if chat.value("seed") is not None:
        made.append("seed has no effect")
    if chat.value("reasoning_effort") not in (None, "none") and not has_effort(target):
        made.append("reasoning_effort has no effect")
    if chat.value("verbosity") not in (None, "medium"):
        made.append("verbosity has no effect")
    return tuple(made)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
