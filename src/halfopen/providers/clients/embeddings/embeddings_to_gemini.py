"""Embeddings of Gemini: one `batchEmbedContents` for all inputs, its answer in OpenAI's shape.

Source: https://ai.google.dev/api/embeddings
The vectors pass number for number. Gemini's are of length 1 only at their full size, OpenAI's
always; a request never goes from one to the other, because their vector spaces differ.
"""

import base64
import struct
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from halfopen import errors
from halfopen.model import Fault, Reply, Target, Usage
from halfopen.providers.clients.embeddings.embeddings_answer import (
    FINISH,
    malformed,
    usage_fields,
    vectors_problem,
)
from halfopen.providers.clients.embeddings.fitness import unfit
from halfopen.providers.clients.embeddings.request import Embedding, InputKind
from halfopen.providers.clients.no_stream import NoStreamTranslation
from halfopen.providers.contract import Answer, Call
from halfopen.providers.gemini.usage import read_usage

_BATCH_MAX = 100
"""Requests in one batch; Google answers 400 to more."""


class _Vector(msgspec.Struct):
    values: msgspec.Raw = msgspec.Raw()


class _Batch(msgspec.Struct):
    embeddings: list[_Vector] | None = None
    usageMetadata: Any = None  # noqa: N815 - Google's name
    error: msgspec.Raw = msgspec.Raw()


_DECODER = msgspec.json.Decoder(_Batch)
_NUMBERS = msgspec.json.Decoder(list[float])


@dataclass(frozen=True, slots=True)
class EmbeddingsToGemini(NoStreamTranslation):
    """A `Translation` to Gemini's own API. `user` is all that is left out: no vector depends on it."""

    def unfit(self, ask: Embedding, target: Target) -> str | None:
        """Why the target can't do what the request asks for, in a few words; None: it can."""
        if ask.kind is not InputKind.TEXT:
            return "no inputs of tokens" if ask.kind is InputKind.TOKENS else "no inputs but text"
        if ask.inputs > _BATCH_MAX:
            return f"at most {_BATCH_MAX} inputs ({ask.inputs} asked)"
        return unfit(ask, target)

    def call(self, ask: Embedding, target: Target, key: str | None) -> Call:
        """The upstream's request."""
        model = f"models/{quote(target.model.removeprefix('models/'), safe='')}"
        options: dict[str, Any] = {}
        if ask.dimensions is not None:
            options["outputDimensionality"] = ask.dimensions
        task_type = ask.value("task_type")
        if isinstance(task_type, str):  # no field of OpenAI's: sent by those who know who answers
            options["taskType"] = task_type
        requests = [{"model": model, "content": {"parts": [{"text": text}]}, **options} for text in ask.texts]
        headers = [("content-type", "application/json"), ("accept", "application/json")]
        if key:
            headers.append(("x-goog-api-key", key))
        body = msgspec.json.encode({"requests": requests})
        return Call(f"/v1beta/{model}:batchEmbedContents", tuple(headers), body)

    def answer(self, ask: Embedding, target: Target, reply: Reply, *, created_s: int = 0) -> Answer | Fault:  # noqa: ARG002 - the contract
        """Judge and translate a whole reply."""
        if reply.transport is not None or (reply.status is not None and not 200 <= reply.status < 300):
            return errors.decode(reply) or malformed(reply, "The reply is no answer.")
        try:
            batch = _DECODER.decode(reply.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            return errors.decode(reply) or malformed(
                reply, f"The answer is no batch of embeddings: {problem}."
            )
        if batch.embeddings is None or batch.error:
            return errors.decode(reply) or malformed(reply, "The answer has no embeddings.")
        vectors = [vector.values for vector in batch.embeddings]
        found = vectors_problem(ask, target, vectors)
        if found is not None:
            return malformed(reply, found)
        written = _written(vectors, packed=ask.base64)
        if written is None:
            return malformed(reply, "An embedding holds something that is no 32-bit number.")
        return _answer(written, target, read_usage(batch.usageMetadata))


def _written(vectors: list[msgspec.Raw], *, packed: bool) -> list[Any] | None:
    """The vectors as the client wants them; None: one of them holds something else than numbers."""
    written: list[Any] = []
    for vector in vectors:
        try:
            numbers = _NUMBERS.decode(vector)
            binary = struct.pack(f"<{len(numbers)}f", *numbers)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError, struct.error):
            return None
        written.append(base64.b64encode(binary).decode() if packed else vector)
    return written


def _answer(written: list[Any], target: Target, usage: Usage | None) -> Answer:
    body = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": vector}
            for index, vector in enumerate(written)
        ],
        "model": target.model,
        "usage": usage_fields(usage),
    }
    return Answer(msgspec.json.encode(body), FINISH, usage)
