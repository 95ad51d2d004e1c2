"""Clients of the parts of OpenAI's API that are relayed."""

from dataclasses import dataclass

from halfopen.model import Fault, Target
from halfopen.providers.client import ClientRequest, Failure
from halfopen.providers.clients.chat.error import openai_error_json
from halfopen.providers.clients.no_stream import NoStreamClients
from halfopen.providers.clients.relay.relay_to_openai import RelayToOpenAI
from halfopen.providers.clients.relay.request import Relayed, parse_relayed
from halfopen.providers.contract import Dialect, Translation


@dataclass(frozen=True, slots=True)
class RelayClients(NoStreamClients):
    """Their requests and answers pass as they are."""

    name: str = "relay"
    request_id_header: str = "x-request-id"

    def parse(self, request: ClientRequest) -> Relayed | Fault:
        """Read a request, or say that it is not relayed."""
        return parse_relayed(request)

    def translation(self, dialect: Dialect, target: Target) -> Translation:  # noqa: ARG002 - the contract
        """How a target of a provider's dialect is asked, if it has such an API."""
        return RelayToOpenAI(dialect)

    def error(self, failure: Failure) -> bytes:
        """The JSON body of an error answer."""
        return openai_error_json(failure)


RELAY = RelayClients()
