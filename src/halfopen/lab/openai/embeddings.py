"""OpenAI's embeddings endpoint."""

import base64
import re
from typing import Any

from halfopen.lab.exchange import LabAnswer
from halfopen.lab.openai.arrival import Arrival, check_exists
from halfopen.lab.openai.refusal import Refusal
from halfopen.lab.shape import array as array_of
from halfopen.lab.shape import choice, either, integer, optional, record, string
from halfopen.lab.vector import packed_floats, vector

_DIMENSIONS = {"text-embedding-3-large": 3072}
_DIMENSIONS_USUAL = 1536
_NO_EMBEDDING = re.compile(r"\A(?:gpt-|o\d|chatgpt)")
_INPUTS_MAX = 2048
_TOKEN = integer(0)
_REQUEST = record(
    {
        "input": either(
            string=string,
            array=array_of(
                either(string=string, integer=_TOKEN, array=array_of(_TOKEN, least=1)),
                least=1,
                most=_INPUTS_MAX,
            ),
        ),
        "model": string,
        "dimensions": optional(integer(1)),
        "encoding_format": optional(choice("float", "base64")),
        "user": string,
    },
    ("input", "model"),
)


def embeddings(arrival: Arrival) -> LabAnswer:
    """POST /v1/embeddings. Raises Refusal."""
    body = arrival.body(_REQUEST)
    model = body["model"]
    check_exists(model)
    if _NO_EMBEDDING.match(model):
        raise Refusal("You are not allowed to generate embeddings from this model", status=403)
    texts = _texts(body["input"])
    most = _DIMENSIONS.get(model, _DIMENSIONS_USUAL)
    dimensions = body.get("dimensions") or most
    if body.get("dimensions") and model == "text-embedding-ada-002":
        raise Refusal("This model does not support specifying dimensions.")
    if dimensions > most:
        raise Refusal(
            f"Invalid value for 'dimensions' = {dimensions}. Must be less than or equal to {most}.",
            param="dimensions",
        )
    data: list[dict[str, Any]] = []
    for place, text in enumerate(texts):
        values = vector(model, text, dimensions)
        packed = body.get("encoding_format") == "base64"
        embedding = base64.b64encode(packed_floats(values)).decode() if packed else values
        data.append({"object": "embedding", "index": place, "embedding": embedding})
    spent = sum(max(1, len(text) // 4) for text in texts)
    usage = {"prompt_tokens": spent, "total_tokens": spent}
    return arrival.json({"object": "list", "data": data, "model": model, "usage": usage})


def _texts(given: Any) -> list[str]:
    if isinstance(given, str):
        found = [given]
    elif isinstance(given[0], int):
        found = [_of_tokens(given)]
    else:
        found = [each if isinstance(each, str) else _of_tokens(each) for each in given]
    if any(not text for text in found):
        raise Refusal("Invalid 'input': input cannot be an empty string.", param="input")
    return found


def _of_tokens(tokens: Any) -> str:
    return " ".join(map(str, tokens)) if isinstance(tokens, list) else str(tokens)
