"""Counts a request's tokens (`POST /v1/messages/count_tokens`), as tools do before they send it.

Only Anthropic can count for its models: another's count, or a guess, would be taken for the truth. So a
route without one of its models answers that it can't.
"""

from dataclasses import dataclass

import msgspec

from halfopen.model import Fault, Reply, Target
from halfopen.providers.ask import Ask
from halfopen.providers.client import ClientRequest, Failure
from halfopen.providers.clients.counting import judge_count
from halfopen.providers.clients.json_request import read_fields, read_model
from halfopen.providers.clients.messages.error import messages_error_json
from halfopen.providers.clients.messages.messages_to_anthropic import PATH, request_headers, with_model
from halfopen.providers.clients.messages.request import PASSED_HEADERS
from halfopen.providers.clients.no_stream import NoStreamClients, NoStreamTranslation
from halfopen.providers.contract import Answer, Call, Dialect, Translation


class _Count(msgspec.Struct):
    input_tokens: int


_COUNT = msgspec.json.Decoder(_Count)


@dataclass(frozen=True, slots=True)
class CountToAnthropic(NoStreamTranslation):
    """The request and the count pass as they are."""

    dialect: Dialect

    def unfit(self, ask: Ask, target: Target) -> str | None:  # noqa: ARG002 - the contract
        """Others count in their own tokens."""
        return None if self.dialect.speaks("messages", target) else "can't count Anthropic's tokens"

    def call(self, ask: Ask, target: Target, key: str | None) -> Call:
        """The client's request with the target's model in it."""
        return Call(f"{PATH}/count_tokens", request_headers(ask, key), with_model(ask, target))

    def answer(self, ask: Ask, target: Target, reply: Reply, *, created_s: int = 0) -> Answer | Fault:  # noqa: ARG002 - the contract
        """The count, byte for byte."""
        return judge_count(reply, _COUNT)


@dataclass(frozen=True, slots=True)
class CountClients(NoStreamClients):
    """Implements `ClientDialect`."""

    name: str = "count_tokens"
    request_id_header: str = "request-id"

    def parse(self, request: ClientRequest) -> Ask | Fault:
        """Read a request as far as it matters: the rest is Anthropic's business."""
        fields = read_fields(request.body, "model and messages")
        if isinstance(fields, Fault):
            return fields
        model = read_model(fields)
        if isinstance(model, Fault):
            return model
        headers = tuple((name, request.headers[name]) for name in PASSED_HEADERS if name in request.headers)
        return Ask(request.body, model, stream=False, headers=headers)

    def translation(self, dialect: Dialect, target: Target) -> Translation:  # noqa: ARG002 - the contract
        """How a target counts, if it can."""
        return CountToAnthropic(dialect)

    def error(self, failure: Failure) -> bytes:
        """The JSON body of an error answer."""
        return messages_error_json(failure)


COUNT_TOKENS = CountClients()
