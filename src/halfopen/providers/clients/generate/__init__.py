"""Google's generateContent as a dialect of clients."""

from halfopen.providers.clients.generate.dialect import GENERATE

__all__ = ["GENERATE"]
