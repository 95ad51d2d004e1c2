"""Anthropic makes no embeddings: a request for them skips its targets."""

from dataclasses import dataclass

from halfopen import errors
from halfopen.model import Fault, Kind, Reply, Target
from halfopen.providers.clients.embeddings.request import Embedding
from halfopen.providers.clients.no_stream import NoStreamTranslation
from halfopen.providers.contract import Answer, Call

_REASON = "Anthropic has no embeddings"


@dataclass(frozen=True, slots=True)
class EmbeddingsToAnthropic(NoStreamTranslation):
    """A `Translation` that takes no request."""

    def unfit(self, ask: Embedding, target: Target) -> str | None:  # noqa: ARG002 - the contract
        """Why the target can't do what the request asks for: always."""
        return _REASON

    def call(self, ask: Embedding, target: Target, key: str | None) -> Call:  # noqa: ARG002 - the contract
        """No request fits.

        Raises:
            ValueError: Always; `unfit` says why.
        """
        raise ValueError(_REASON)

    def answer(self, ask: Embedding, target: Target, reply: Reply, *, created_s: int = 0) -> Answer | Fault:  # noqa: ARG002 - the contract
        """Nothing that comes can be an answer."""
        return errors.decode(reply) or errors.make(Kind.NOT_IMPLEMENTED, _REASON, status=reply.status)
