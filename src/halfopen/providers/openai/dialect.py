"""The dialect of OpenAI and of every server that speaks it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from halfopen.model import Fault, Reply, Target
from halfopen.providers import fitness
from halfopen.providers.chat import Chat
from halfopen.providers.contract import Answer, Call, StreamReader
from halfopen.providers.openai.answer import judge
from halfopen.providers.openai.stream import OpenAIReader


@dataclass(frozen=True, slots=True)
class OpenAI:
    """Relays chat completions: the client's own dialect, so nothing is translated."""

    name: str = "openai"
    default_base_url: str = "https://api.openai.com/v1"

    def unfit(self, chat: Chat, target: Target) -> str | None:
        """Why the target can't do what the request asks for; None: it can."""
        return fitness.unfit(chat, target.capabilities) or _unfit_effort(chat, target.model)

    def call(self, chat: Chat, target: Target, key: str | None) -> Call:
        """Make the upstream's request: the client's body, with the target's model in it."""
        body = chat.body
        if target.model != chat.model:
            body = encode_fields(_limit_renamed(chat.fields, target.model), target.model)
        return Call("/chat/completions", request_headers(chat, key), body)

    def answer(self, chat: Chat, target: Target, reply: Reply) -> Answer | Fault:  # noqa: ARG002 - the contract
        """Judge a whole reply. A good one passes byte for byte."""
        return judge(reply)

    def reader(self, chat: Chat, target: Target) -> StreamReader:  # noqa: ARG002 - the contract
        """Make a reader of one streamed reply."""
        return OpenAIReader()


def request_headers(chat: Chat, key: str | None) -> tuple[tuple[str, str], ...]:
    """The headers of a chat completion request; without a key, no authorization."""
    accept = "text/event-stream" if chat.stream else "application/json"
    headers = (("content-type", "application/json"), ("accept", accept))
    return (*headers, ("authorization", f"Bearer {key}")) if key else headers


def encode_fields(fields: Mapping[str, msgspec.Raw], model: str) -> bytes:
    """A request's body with another model; every other field keeps its bytes and its place."""
    return msgspec.json.encode({**fields, "model": msgspec.Raw(msgspec.json.encode(model))})


# "Function tools with reasoning_effort are not supported for gpt-5.6-… in /v1/chat/completions.
# To use function tools, use /v1/responses or set reasoning_effort to 'none'." Said from 5.6 on.
_NO_TOOLS_WITH_EFFORT = re.compile(r"gpt-(?:5\.[6-9]|[6-9])(?!\d)")
# These models refuse max_tokens and name max_completion_tokens instead.
_NEW_LIMIT_NAME = re.compile(r"(?:o\d|gpt-[5-9])(?!\d)")


def _unfit_effort(chat: Chat, model: str) -> str | None:
    if not _NO_TOOLS_WITH_EFFORT.match(model):
        return None
    effort = chat.fields.get("reasoning_effort")
    if fitness.given(effort) and fitness.given(chat.fields.get("tools")) and effort != msgspec.Raw(b'"none"'):
        return "no tools together with reasoning_effort"
    return None


def _limit_renamed(fields: dict[str, msgspec.Raw], model: str) -> dict[str, msgspec.Raw]:
    """The fields with the limit by the name that the model takes: the route's own model may be older."""
    if "max_tokens" not in fields or "max_completion_tokens" in fields or not _NEW_LIMIT_NAME.match(model):
        return fields
    return {
        "max_completion_tokens" if name == "max_tokens" else name: value for name, value in fields.items()
    }


OPENAI = OpenAI()
