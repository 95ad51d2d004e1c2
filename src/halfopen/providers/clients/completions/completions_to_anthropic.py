"""Completions served by Claude: always through a chat.

Claude has no completions API any more: `/v1/complete` knows none of the current models.
"""

from halfopen.providers.clients.completions.chat_to_completions import chat_to_completions
from halfopen.providers.clients.composed import Composed
from halfopen.providers.contract import Dialect, Translation


def completions_to_anthropic(dialect: Dialect) -> Translation:
    """How a target of Anthropic's dialect serves completions."""
    return Composed(dialect, chat_to_completions)
