"""Counts a request's tokens (`…/models/MODEL:countTokens`).

Only Gemini can count for its models: another's count, or a guess, would be taken for the truth. So a
route without one of its models answers that it can't.

Source: ai.google.dev/api/tokens.
"""

from dataclasses import dataclass

import msgspec

from halfopen.model import Fault, Reply, Target
from halfopen.providers.ask import Ask
from halfopen.providers.client import ClientRequest, Failure
from halfopen.providers.clients.counting import judge_count
from halfopen.providers.clients.generate.error import generate_error_json
from halfopen.providers.clients.generate.model_name import Fields, read_path, with_model
from halfopen.providers.clients.generate.proto_json import camel
from halfopen.providers.clients.json_request import read_fields
from halfopen.providers.clients.no_stream import NoStreamClients, NoStreamTranslation
from halfopen.providers.contract import Answer, Call, Dialect, Translation
from halfopen.providers.gemini.dialect import method_path, request_headers

_METHOD = "countTokens"


class _Count(msgspec.Struct):
    totalTokens: int  # noqa: N815 - Google's name


_COUNT = msgspec.json.Decoder(_Count)
_FIELDS = msgspec.json.Decoder(Fields)


@dataclass(frozen=True, slots=True)
class CountToGemini(NoStreamTranslation):
    """The request and the count pass as they are."""

    dialect: Dialect

    def unfit(self, ask: Ask, target: Target) -> str | None:  # noqa: ARG002 - the contract
        """Others count in their own tokens."""
        return None if self.dialect.speaks("generate", target) else "can't count Gemini's tokens"

    def call(self, ask: Ask, target: Target, key: str | None) -> Call:
        """The client's request. A model that it names inside becomes the target's."""
        fields = dict(ask.fields)
        for name, raw in ask.fields.items():
            if camel(name) == "generateContentRequest" and bytes(raw).startswith(b"{"):
                inner = with_model(_FIELDS.decode(raw), target, needed=True)
                fields[name] = msgspec.Raw(msgspec.json.encode(inner))
        body = ask.body if fields == ask.fields else msgspec.json.encode(fields)
        return Call(method_path(target.model, _METHOD), request_headers(key, stream=False), body)

    def answer(self, ask: Ask, target: Target, reply: Reply, *, created_s: int = 0) -> Answer | Fault:  # noqa: ARG002 - the contract
        """The count, byte for byte."""
        return judge_count(reply, _COUNT)


@dataclass(frozen=True, slots=True)
class GenerateCountClients(NoStreamClients):
    """Implements `ClientDialect`."""

    name: str = "generate_count"
    request_id_header: str = "x-request-id"

    def parse(self, request: ClientRequest) -> Ask | Fault:
        """Read a request as far as it matters: the rest is Google's business."""
        named = read_path(request.path, (_METHOD,))
        if isinstance(named, Fault):
            return named
        fields = read_fields(request.body, "contents")
        return fields if isinstance(fields, Fault) else Ask(request.body, named[0], stream=False)

    def translation(self, dialect: Dialect, target: Target) -> Translation:  # noqa: ARG002 - the contract
        """How a target counts, if it can."""
        return CountToGemini(dialect)

    def error(self, failure: Failure) -> bytes:
        """The JSON body of an error answer."""
        return generate_error_json(failure)


GENERATE_COUNT = GenerateCountClients()
