"""Token counts as Gemini writes them."""

from typing import Any

from halfopen.model import Usage


def usage_metadata(usage: Usage) -> dict[str, Any]:
    """Return usageMetadata. Gemini counts thoughts beside the candidates' tokens, not among them."""
    thoughts = min(usage.reasoning_tokens, usage.output_tokens)
    metadata = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": usage.output_tokens - thoughts,
        "totalTokenCount": usage.input_tokens + usage.output_tokens,
    }
    if usage.cached_tokens:
        metadata["cachedContentTokenCount"] = usage.cached_tokens
    if thoughts:
        metadata["thoughtsTokenCount"] = thoughts
    return metadata
