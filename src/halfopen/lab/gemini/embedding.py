"""Gemini's embedContent, batchEmbedContents and countTokens."""

from typing import Any

from halfopen.lab.gemini.refusal import Refusal
from halfopen.lab.vector import vector

_DIMENSIONS = 3072
BATCH_MAX = 100
Json = dict[str, Any]


def embedded(model: str, body: Json) -> Json:
    """The answer to embedContent. Raises Refusal."""
    return {"embedding": _values(model, body, "EmbedContentRequest")}


def embedded_batch(model: str, body: Json) -> Json:
    """The answer to batchEmbedContents. Raises Refusal."""
    requests = body["requests"]
    if len(requests) > BATCH_MAX:
        raise Refusal(
            f"* BatchEmbedContentsRequest.requests: at most {BATCH_MAX} requests can be in one batch\n"
        )
    found = []
    for place, request in enumerate(requests):
        where = f"BatchEmbedContentsRequest.requests[{place}]"
        if request.get("model") != f"models/{model}":
            raise Refusal(f"* {where}.model: unexpected model name format\n")
        found.append(_values(model, request, where))
    return {"embeddings": found}


def _values(model: str, body: Json, where: str) -> Json:
    parts = body["content"].get("parts") or ()
    text = " ".join(part["text"] for part in parts if "text" in part)
    if not text:
        raise Refusal(f"* {where}.content: contents is not specified\n")
    dimensions = body.get("outputDimensionality") or _DIMENSIONS
    return {"values": vector(model, text, dimensions)}


def counted(body: Json, size_bytes: int) -> Json:
    """The answer to countTokens. Raises Refusal."""
    if ("contents" in body) is ("generateContentRequest" in body):
        raise Refusal(
            "* CountTokensRequest.contents: contents or generate_content_request must be specified, not "
            "both\n"
        )
    tokens = max(1, size_bytes // 5)
    return {
        "totalTokens": tokens,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}],
    }
