"""OpenAI's dialect as one kind of compatible server speaks it."""

from dataclasses import dataclass

import msgspec

from halfopen.model import Fault, Reply, Target
from halfopen.providers import fitness
from halfopen.providers.chat import Chat
from halfopen.providers.compatible.call_ids import with_short_ids
from halfopen.providers.compatible.flavour import Flavour
from halfopen.providers.contract import Answer, Call, StreamReader
from halfopen.providers.openai import OPENAI
from halfopen.providers.openai.dialect import (
    encode_fields,
    request_headers,
    stand_in_fields,
    unfit_single_calls,
    usage_asked,
)


@dataclass(frozen=True, slots=True)
class Compatible:
    """Speaks to an OpenAI-shaped server with its renamed and refused fields. Answers pass as they come."""

    flavour: Flavour

    @property
    def name(self) -> str:
        """Always openai: the flavour is a variation, not a dialect."""
        return OPENAI.name

    @property
    def default_base_url(self) -> str:
        """Where the server listens by default; empty when everybody has an address of their own."""
        return self.flavour.base_url or ""

    def speaks(self, client: str, target: Target) -> bool:  # noqa: ARG002 - the contract
        """Whether a client's dialect passes as it is."""
        return client == "chat" or client in self.flavour.speaks

    def unfit(self, chat: Chat, target: Target) -> str | None:
        """Why the target can't do what the request asks for; None: it can."""
        flavour = self.flavour
        reason = fitness.unfit(chat, target.capabilities) or unfit_single_calls(chat, target.model)
        if reason is not None:
            return reason
        for name in flavour.refuses:
            if fitness.given(chat.fields.get(name)):
                return f"{flavour.name} takes no {name}"
        if flavour.refuses_in_messages:
            return self._unfit_messages(chat)
        return None

    def adapted(self, chat: Chat, target: Target) -> tuple[str, ...]:
        """Nothing: what is left out changes nothing in the answer."""
        return OPENAI.adapted(chat, target)

    def call(self, chat: Chat, target: Target, key: str | None) -> Call:
        """Make the upstream's request, with the fields that the server knows."""
        flavour = self.flavour
        renamed = target.model != chat.model
        fields = stand_in_fields(chat.fields, target) if renamed else chat.fields
        strange = any(name in fields for name in (*flavour.renames, *flavour.drops, *flavour.refuses))
        if strange:
            fields = self._renamed(fields)
        if chat.stream and "stream_options" not in flavour.drops:
            fields = usage_asked(fields)
        if flavour.short_call_ids:
            fields = with_short_ids(fields)
        same = fields is chat.fields and not renamed
        body = chat.body if same else encode_fields(fields, target.model)
        return Call("/chat/completions", self._headers(chat, key), body)

    def answer(self, chat: Chat, target: Target, reply: Reply, *, created_s: int = 0) -> Answer | Fault:
        """Judge a whole reply. A good one passes byte for byte, with the server's own time."""
        return OPENAI.answer(chat, target, reply, created_s=created_s)

    def reader(self, chat: Chat, target: Target, *, created_s: int = 0) -> StreamReader:
        """Make a reader of one streamed reply. Its bytes pass, with the server's own time."""
        return OPENAI.reader(chat, target, created_s=created_s)

    def _unfit_messages(self, chat: Chat) -> str | None:
        refused = self.flavour.refuses_in_messages
        raw = bytes(chat.fields["messages"])
        if not any(f'"{name}"'.encode() in raw for name in refused):
            return None
        for message in chat.deep["messages"]:
            for name in refused:
                if message.get(name) is not None:
                    return f"{self.flavour.name} takes no {name} in a message"
        return None

    def _renamed(self, fields: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
        """The fields by the names that the server knows. One that is there by both names is sent once.

        A refused field that is still there asks for nothing: `unfit` has seen to the others.
        """
        renames = self.flavour.renames
        left_out = self.flavour.drops | self.flavour.refuses
        kept = {name: value for name, value in fields.items() if name not in left_out}
        return {
            renames.get(name, name): value
            for name, value in kept.items()
            if name not in renames or renames[name] not in kept
        }

    def _headers(self, chat: Chat, key: str | None) -> tuple[tuple[str, str], ...]:
        header = self.flavour.key_header
        if header == "authorization" or not key:
            return request_headers(chat, key)
        return (*request_headers(chat, None), (header, key))
