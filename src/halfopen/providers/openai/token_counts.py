"""Token counts as OpenAI writes them."""

from typing import Final

import msgspec


class PromptTokens(msgspec.Struct, gc=False):
    """Of the input."""

    cached_tokens: int | None = None


class CompletionTokens(msgspec.Struct, gc=False):
    """Of the output."""

    reasoning_tokens: int | None = None


class TokenCounts(msgspec.Struct, gc=False):
    """All of them."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: PromptTokens | None = None
    completion_tokens_details: CompletionTokens | None = None


TOKEN_COUNTS: Final = msgspec.json.Decoder(TokenCounts | None)
