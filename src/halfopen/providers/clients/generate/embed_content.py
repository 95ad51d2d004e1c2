"""Google's own embeddings: `…/models/MODEL:embedContent` and `:batchEmbedContents`.

They pass to Gemini as they are. Another provider's vectors are of another space, and so are those of
another model: see `vector_space`.

Source: ai.google.dev/api/embeddings.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from halfopen import errors
from halfopen.model import Fault, Reply, Target
from halfopen.providers.ask import plain_value
from halfopen.providers.client import ClientRequest, Failure
from halfopen.providers.clients.embeddings import fitness
from halfopen.providers.clients.embeddings.embeddings_answer import FINISH, malformed, vectors_problem
from halfopen.providers.clients.embeddings.request import Embedding, InputKind
from halfopen.providers.clients.generate.error import generate_error_json
from halfopen.providers.clients.generate.model_name import Fields, read_path, with_model
from halfopen.providers.clients.generate.proto_json import camel, list_at
from halfopen.providers.clients.json_request import read_fields
from halfopen.providers.clients.no_stream import NoStreamClients, NoStreamTranslation
from halfopen.providers.contract import Answer, Call, Dialect, Translation
from halfopen.providers.gemini.dialect import method_path, request_headers
from halfopen.providers.gemini.usage import read_usage
from halfopen.providers.json_body import bad

_BATCH = "batchEmbedContents"
_ONE = "embedContent"


class _Vector(msgspec.Struct):
    values: msgspec.Raw = msgspec.Raw()


class _Vectors(msgspec.Struct):
    embedding: _Vector | None = None
    embeddings: list[_Vector] | None = None
    usageMetadata: Any = None  # noqa: N815 - Google's name
    error: msgspec.Raw = msgspec.Raw()


_DECODER = msgspec.json.Decoder(_Vectors)
_REQUESTS = msgspec.json.Decoder(list[Fields])


@dataclass(frozen=True)
class GeminiEmbedding(Embedding):
    """A request for vectors in Google's own words."""

    requests: tuple[Fields, ...] = field(default=(), kw_only=True)
    """Those of a batch; none: it is for one vector."""

    @property
    def method(self) -> str:
        """Google's name of what is asked."""
        return _BATCH if self.requests else _ONE


@dataclass(frozen=True, slots=True)
class EmbedToGemini(NoStreamTranslation):
    """The request and the vectors pass as they are."""

    dialect: Dialect

    def unfit(self, ask: GeminiEmbedding, target: Target) -> str | None:
        """Why the target can't do what the request asks for; None: it can."""
        if not self.dialect.speaks("generate", target):
            return "only Gemini makes its vectors"
        return fitness.unfit(ask, target)

    def call(self, ask: GeminiEmbedding, target: Target, key: str | None) -> Call:
        """The client's request, in which every model is the target's."""
        fields = with_model(ask.fields, target)
        if ask.requests:
            requests = [with_model(each, target, needed=True) for each in ask.requests]
            fields["requests"] = msgspec.Raw(msgspec.json.encode(requests))
        body = msgspec.json.encode(fields)
        return Call(method_path(target.model, ask.method), request_headers(key, stream=False), body)

    def answer(
        self,
        ask: GeminiEmbedding,
        target: Target,
        reply: Reply,
        *,
        created_s: int = 0,  # noqa: ARG002 - the contract
    ) -> Answer | Fault:
        """Judge a whole reply. A good one passes byte for byte."""
        if reply.transport is not None or (reply.status is not None and not 200 <= reply.status < 300):
            return errors.decode(reply) or malformed(reply, "The reply is no answer.")
        try:
            answer = _DECODER.decode(reply.body)
            if not reply.body.isascii():
                reply.body.decode()  # the decoder does not look into text that it skips
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            return errors.decode(reply) or malformed(reply, f"The answer is no embedding: {problem}.")
        found = answer.embeddings if ask.requests else [answer.embedding]
        vectors = [each.values for each in found or () if each is not None]
        if not vectors or answer.error:
            return errors.decode(reply) or malformed(reply, "The answer has no embeddings.")
        wrong = vectors_problem(ask, target, vectors)
        if wrong is not None:
            return malformed(reply, wrong)
        return Answer(reply.body, FINISH, read_usage(answer.usageMetadata))


def parse_embed(request: ClientRequest) -> GeminiEmbedding | Fault:
    """Read a request as far as it matters to who can serve it: the rest is Google's business."""
    named = read_path(request.path, (_ONE, _BATCH))
    if isinstance(named, Fault):
        return named
    model, method = named
    fields = read_fields(request.body, "requests" if method == _BATCH else "content")
    if isinstance(fields, Fault):
        return fields
    requests: tuple[Fields, ...] = ()
    if method == _BATCH:
        try:
            requests = tuple(_REQUESTS.decode(fields.get("requests", b"null")))
        except msgspec.MsgspecError:
            return bad("requests must be a list of objects.", "requests")
        if not requests:
            return bad("requests is empty: send at least one.", "requests")
    asked = [_Asked.of(each) for each in requests or (fields,)]
    sizes = {each.dimensions for each in asked}
    return GeminiEmbedding(
        request.body,
        model,
        stream=False,
        kind=InputKind.TEXT if all(each.is_text for each in asked) else InputKind.OTHER,
        inputs=len(asked),
        longest_chars=max(each.chars for each in asked),
        dimensions=sizes.pop() if len(sizes) == 1 else None,
        requests=requests,
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one request of a batch asks for."""

    chars: int
    is_text: bool
    dimensions: int | None

    @classmethod
    def of(cls, fields: Fields) -> "_Asked":
        known = {camel(name): raw for name, raw in fields.items()}
        content = plain_value(known["content"]) if "content" in known else None
        parts = list_at(content.get("parts")) if isinstance(content, dict) else []
        texts = [each.get("text") if isinstance(each, dict) else None for each in parts]
        chars = sum(len(text) for text in texts if isinstance(text, str))
        size = plain_value(known["outputDimensionality"]) if "outputDimensionality" in known else None
        return cls(
            chars,
            all(isinstance(text, str) for text in texts),
            size if type(size) is int and size > 0 else None,
        )


@dataclass(frozen=True, slots=True)
class GenerateEmbeddingClients(NoStreamClients):
    """Implements `ClientDialect`."""

    name: str = "generate_embeddings"
    request_id_header: str = "x-request-id"

    def parse(self, request: ClientRequest) -> GeminiEmbedding | Fault:
        """Read a request, or say what is wrong with it."""
        return parse_embed(request)

    def translation(self, dialect: Dialect, target: Target) -> Translation:  # noqa: ARG002 - the contract
        """How a target makes these vectors, if it can."""
        return EmbedToGemini(dialect)

    def error(self, failure: Failure) -> bytes:
        """The JSON body of an error answer."""
        return generate_error_json(failure)


GENERATE_EMBEDDINGS = GenerateEmbeddingClients()
