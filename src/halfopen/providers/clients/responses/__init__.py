"""OpenAI's Responses API as clients speak it."""

from halfopen.providers.clients.responses.dialect import RESPONSES

__all__ = ["RESPONSES"]
