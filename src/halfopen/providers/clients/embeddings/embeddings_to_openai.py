"""Embeddings of OpenAI and the servers of its dialect: requests and answers pass as they are."""

from dataclasses import dataclass

from halfopen.model import Fault, Reply, Target
from halfopen.providers.clients.embeddings.embeddings_answer import judge
from halfopen.providers.clients.embeddings.fitness import unfit
from halfopen.providers.clients.embeddings.request import Embedding
from halfopen.providers.clients.no_stream import NoStreamTranslation
from halfopen.providers.clients.openai_call import relayed
from halfopen.providers.contract import Answer, Call, Dialect


@dataclass(frozen=True, slots=True)
class EmbeddingsToOpenAI(NoStreamTranslation):
    """A `Translation` between equals."""

    dialect: Dialect

    def unfit(self, ask: Embedding, target: Target) -> str | None:
        """Why the target can't do what the request asks for, in a few words; None: it can."""
        return unfit(ask, target) if self.dialect.speaks("embeddings", target) else "no embeddings"

    def call(self, ask: Embedding, target: Target, key: str | None) -> Call:
        """The upstream's request."""
        return relayed(self.dialect, "/embeddings", ask, target, key)

    def answer(self, ask: Embedding, target: Target, reply: Reply, *, created_s: int = 0) -> Answer | Fault:  # noqa: ARG002 - the contract
        """Judge a whole reply. A good one passes byte for byte."""
        return judge(ask, target, reply)
