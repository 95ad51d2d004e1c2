"""OpenAI's legacy completions (`POST /v1/completions`)."""

from halfopen.providers.clients.completions.dialect import COMPLETIONS

__all__ = ["COMPLETIONS"]
