"""Responses served by Gemini: through a chat completion.

Special to the pair: Gemini's thoughts come back as reasoning items; the signatures of its calls are
not carried, and Gemini takes calls of earlier turns without them. Log-probabilities come with the
first piece of a candidate, so a stream has them in one delta.
"""

from halfopen.providers.clients.composed import Composed
from halfopen.providers.clients.responses.chat_to_responses import chat_to_responses
from halfopen.providers.contract import Dialect, Translation


def responses_to_gemini(dialect: Dialect) -> Translation:
    """How a target of Gemini's dialect serves responses."""
    return Composed(dialect, chat_to_responses)
