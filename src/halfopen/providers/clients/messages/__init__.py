"""Clients of Anthropic's Messages API, served by any provider."""

from halfopen.providers.clients.messages.count_tokens import COUNT_TOKENS
from halfopen.providers.clients.messages.dialect import MESSAGES

__all__ = ["COUNT_TOKENS", "MESSAGES"]
