"""Responses served by Anthropic: through a chat completion.

Special to the pair: Claude's thinking comes back as reasoning items, without the signature that Claude
would need to see it again, and reasoning items of earlier turns are left out, so that every turn
begins its thoughts anew. `safety_identifier` and `user` go as Anthropic's `metadata.user_id`. A
refusal that Claude explains is a refusal part of a response with the status incomplete.
"""

from halfopen.providers.clients.composed import Composed
from halfopen.providers.clients.responses.chat_to_responses import chat_to_responses
from halfopen.providers.contract import Dialect, Translation


def responses_to_anthropic(dialect: Dialect) -> Translation:
    """How a target of Anthropic's dialect serves responses."""
    return Composed(dialect, chat_to_responses)
