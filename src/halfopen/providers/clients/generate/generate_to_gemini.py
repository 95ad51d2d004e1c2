"""Gemini's clients served by Gemini: the request as the client wrote it, the answer as Gemini gave it.

The model is in the path, so that the body passes byte for byte. Only a history in which another
provider, or an older model, called functions is completed where the model insists on thought
signatures: see `signed_calls`. The answer is judged by the same code
that translates it for other clients, and relayed. The stream is always asked for as server-sent
events; the client's writer makes an array of them if that is what the client reads.
"""

from dataclasses import dataclass

import msgspec
from msgspec import structs

from halfopen.model import Fault, Reply, Target
from halfopen.providers import fitness
from halfopen.providers.ask import Ask
from halfopen.providers.chat import Chat
from halfopen.providers.clients.generate.proto_json import camel
from halfopen.providers.clients.generate.signed_calls import signed_calls
from halfopen.providers.clients.native import NativeReader
from halfopen.providers.contract import Answer, Call, Dialect, StreamReader
from halfopen.providers.gemini.dialect import request_headers, request_path
from halfopen.providers.gemini.gemini_to_openai import translate_answer
from halfopen.providers.gemini.gemini_to_openai_stream import GeminiReader
from halfopen.providers.gemini.generation import generation_of


@dataclass(frozen=True, slots=True)
class GenerateToGemini:
    """A `Translation` that translates nothing."""

    dialect: Dialect

    def unfit(self, chat: Chat, target: Target) -> str | None:
        """Why the model can't do what the request asks for; None: it can, as far as is known."""
        return fitness.unfit(chat, target.capabilities)

    def adapted(self, chat: Chat, target: Target) -> tuple[str, ...]:  # noqa: ARG002 - the contract
        """Nothing: what is sent is followed."""
        return ()

    def call(self, chat: Chat, target: Target, key: str | None) -> Call:
        """The upstream's request. One that goes on with an answer is no longer the client's own."""
        origin = chat.origin
        if origin is None or chat.continues:
            return self.dialect.call(chat, target, key)
        headers = request_headers(key, stream=chat.stream)
        return Call(request_path(target.model, stream=chat.stream), headers, _body(origin, target))

    def answer(self, chat: Chat, target: Target, reply: Reply, *, created_s: int = 0) -> Answer | Fault:
        """Judge a whole reply. A good one passes byte for byte."""
        answer = translate_answer(chat, target, reply, created_s=created_s, native=True)
        return answer if isinstance(answer, Fault) else structs.replace(answer, body=reply.body)

    def reader(self, chat: Chat, target: Target, *, created_s: int = 0) -> StreamReader:
        """A reader whose events keep the upstream's bytes."""
        if chat.origin is None or chat.continues:
            return self.dialect.reader(chat, target, created_s=created_s)
        return NativeReader(GeminiReader(chat, target, created_s=created_s, native=True))


def _body(ask: Ask, target: Target) -> bytes:
    """The client's body. A model named in it as well, which may be another, is taken out."""
    changed: dict[str, msgspec.Raw] = {}
    if generation_of(target.model).signatures and (signed := signed_calls(ask.fields.get("contents"))):
        changed["contents"] = signed
    if not changed and (b'"model"' not in ask.body or "model" not in ask.fields):
        return ask.body
    fields = ask.fields | changed
    return msgspec.json.encode({name: raw for name, raw in fields.items() if camel(name) != "model"})
