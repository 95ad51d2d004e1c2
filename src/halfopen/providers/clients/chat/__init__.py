"""OpenAI's chat completions: the dialect that the gateway thinks in."""

from halfopen.providers.clients.chat.dialect import CHAT

__all__ = ["CHAT"]
