"""Clients of Anthropic's Messages API, served by any provider."""

from halfopen.providers.clients.messages.dialect import MESSAGES

__all__ = ["MESSAGES"]
