"""Judge an answer in the shape of OpenAI's embeddings: the right vectors, as many, in order.

Bodies are large (2,048 vectors of 3,072 numbers), so the numbers themselves stay undecoded.
"""

from typing import Final

import msgspec

from halfopen import errors
from halfopen.model import Fault, Kind, Reply, Target, Usage
from halfopen.providers.clients.embeddings.request import Embedding
from halfopen.providers.contract import Answer
from halfopen.providers.openai.chunk import given
from halfopen.providers.openai.usage import read_usage

FINISH: Final = "stop"
"""Vectors have no finish reason; the ledger shows this one."""
_FLOAT_BYTES = 4


class _Vector(msgspec.Struct):
    embedding: msgspec.Raw = msgspec.Raw()
    index: int | None = None


class _Embeddings(msgspec.Struct):
    data: list[_Vector] | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


_DECODER = msgspec.json.Decoder(_Embeddings)


def judge(ask: Embedding, target: Target, reply: Reply) -> Answer | Fault:
    """Tell a valid answer, whose body passes byte for byte, from a fault. Never raises."""
    if reply.transport is not None or (reply.status is not None and not 200 <= reply.status < 300):
        return errors.decode(reply) or malformed(reply, "The reply is no answer.")
    try:
        answer = _DECODER.decode(reply.body)
        if not reply.body.isascii():
            reply.body.decode()  # the shallow decoder does not look into all of the text
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        return errors.decode(reply) or malformed(reply, f"The answer is no list of embeddings: {problem}.")
    if answer.data is None or given(answer.error):
        return errors.decode(reply) or malformed(reply, "The answer has no embeddings.")
    found = _problem(ask, target, answer.data)
    if found is not None:
        return malformed(reply, found)
    return Answer(reply.body, FINISH, read_usage(answer.usage))


def vectors_problem(ask: Embedding, target: Target, vectors: list[msgspec.Raw]) -> str | None:
    """What is wrong with raw vectors in the order of the inputs, in a sentence; None: nothing.

    Each is a JSON array of numbers, or a string that packs them.
    """
    if len(vectors) != ask.inputs:
        return f"The answer has {len(vectors)} embeddings for {ask.inputs} inputs."
    expected = ask.dimensions or target.capabilities.vector_dimensions
    for vector in vectors:
        raw = bytes(vector)
        if not raw.startswith((b"[", b'"')) or len(raw.strip(b'[]" \n\t\r')) == 0:
            return "The answer has an empty embedding."
        if raw.startswith(b"[") and b"null" in raw:
            return "An embedding has null where a number should be."
        size = _size(raw)
        if expected is not None and size is not None and size != expected:
            return f"An embedding has {size} dimensions instead of {expected}."
        expected = expected or size
    return None


def malformed(reply: Reply, message: str) -> Fault:
    """The fault of an answer that can't be used."""
    return errors.make(Kind.MALFORMED_ANSWER, message, status=reply.status, body=reply.body)


def usage_fields(usage: Usage | None) -> dict[str, int]:
    """Token counts as OpenAI's embeddings have them; 0 when the vendor doesn't tell."""
    tokens = usage.input_tokens if usage is not None else 0
    return {"prompt_tokens": tokens, "total_tokens": tokens}


def _problem(ask: Embedding, target: Target, data: list[_Vector]) -> str | None:
    found = vectors_problem(ask, target, [vector.embedding for vector in data])
    if found is not None:
        return found
    # Applications take the vectors as they come and never look at the index.
    if any(vector.index not in (None, position) for position, vector in enumerate(data)):
        return "The embeddings are not in the order of the inputs."
    return None


def _size(raw: bytes) -> int | None:
    """Numbers in a raw vector; None: that can't be told without decoding it."""
    if raw.startswith(b"["):
        return raw.count(b",") + 1
    if b"\\" in raw:
        return None
    packed = raw.strip(b'"').rstrip(b"=")
    return len(packed) * 3 // 4 // _FLOAT_BYTES
