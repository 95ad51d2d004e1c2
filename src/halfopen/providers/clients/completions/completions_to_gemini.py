"""Completions served by Gemini: always through a chat, for Gemini completes no bare prompts."""

from halfopen.providers.clients.completions.chat_to_completions import chat_to_completions
from halfopen.providers.clients.composed import Composed
from halfopen.providers.contract import Dialect, Translation


def completions_to_gemini(dialect: Dialect) -> Translation:
    """How a target of Gemini's dialect serves completions."""
    return Composed(dialect, chat_to_completions)
