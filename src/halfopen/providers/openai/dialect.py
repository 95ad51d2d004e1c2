"""The dialect of OpenAI and of every server that speaks it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

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

    def speaks(self, client: str, target: Target) -> bool:
        """Whether a client's dialect passes as it is. Only the older models complete bare prompts."""
        if client == "completions":
            return _COMPLETES.match(target.model) is not None
        return client in ("chat", "responses", "embeddings")

    def unfit(self, chat: Chat, target: Target) -> str | None:
        """Why the target can't do what the request asks for; None: it can."""
        reason = fitness.unfit(chat, target.capabilities)
        if reason is not None or not chat.marked:
            return reason
        return _unfit_effort(chat, target.model) or unfit_single_calls(chat, target.model)

    def adapted(self, chat: Chat, target: Target) -> tuple[str, ...]:  # noqa: ARG002 - the contract
        """Nothing: what is sent is followed."""
        return ()

    def call(self, chat: Chat, target: Target, key: str | None) -> Call:
        """Make the upstream's request: the client's body, with the target's model in it."""
        if target.model == chat.model and not (chat.stream or chat.continues):
            return Call("/chat/completions", request_headers(chat, key), chat.body)
        fields = chat.fields
        if target.model != chat.model:
            fields = _limit_renamed(stand_in_fields(fields, target), target.model)
        if chat.stream:
            fields = usage_asked(fields)
        if chat.continues:
            fields = {name: value for name, value in fields.items() if name not in _NOT_OPENAIS}
        same = fields is chat.fields and target.model == chat.model
        body = chat.body if same else encode_fields(fields, target.model)
        return Call("/chat/completions", request_headers(chat, key), body)

    def answer(
        self,
        chat: Chat,
        target: Target,  # noqa: ARG002 - the contract
        reply: Reply,
        *,
        created_s: int = 0,  # noqa: ARG002 - the server says it
    ) -> Answer | Fault:
        """Judge a whole reply. A good one passes byte for byte, with the server's own time."""
        return judge(chat, reply)

    def reader(self, chat: Chat, target: Target, *, created_s: int = 0) -> StreamReader:  # noqa: ARG002 - the contract
        """Make a reader of one streamed reply. Its bytes pass, with the server's own time."""
        return OpenAIReader(chat)


def request_headers(chat: Chat, key: str | None) -> tuple[tuple[str, str], ...]:
    """The headers of a chat completion request; without a key, no authorization."""
    accept = "text/event-stream" if chat.stream else "application/json"
    headers = (("content-type", "application/json"), ("accept", accept))
    return (*headers, ("authorization", f"Bearer {key}")) if key else headers


def encode_fields(fields: Mapping[str, msgspec.Raw], model: str) -> bytes:
    """A request's body with another model; every other field keeps its bytes and its place."""
    return msgspec.json.encode({**fields, "model": msgspec.Raw(msgspec.json.encode(model))})


def usage_asked(fields: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    """The fields of a streamed request with the token counts asked for: what is spent must be known."""
    raw = fields.get("stream_options")
    options = msgspec.json.decode(raw) if raw is not None else None
    options = options if isinstance(options, dict) else {}
    if options.get("include_usage") is True:
        return fields
    return {**fields, "stream_options": msgspec.Raw(msgspec.json.encode({**options, "include_usage": True}))}


def stand_in_fields(fields: dict[str, msgspec.Raw], target: Target) -> dict[str, msgspec.Raw]:
    """The fields without those that a model refuses by name, whatever they say.

    For a model that answers under another's name: the client can't know what this one refuses. All
    that is left out asks for nothing, because `unfit` has seen to the rest.
    """
    able = target.capabilities
    refused: tuple[str, ...] = ()
    if not able.sampling:
        refused += _SAMPLING
    if not able.logprobs:
        refused += ("logprobs", "top_logprobs")
    if able.stop_max == 0:
        refused += ("stop",)
    if not able.parallel_tools and not _wants_single_calls(fields):
        refused += ("parallel_tool_calls",)
    if not able.reasoning:
        refused += ("reasoning_effort",)
    if not any(name in fields for name in refused):
        return fields
    return {name: value for name, value in fields.items() if name not in refused}


_SAMPLING: Final = ("temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty", "logit_bias")

# "Function tools with reasoning_effort are not supported for gpt-5.6-… in /v1/chat/completions.
# To use function tools, use /v1/responses or set reasoning_effort to 'none'." Said from 5.6 on.
_NO_TOOLS_WITH_EFFORT: Final = re.compile(r"gpt-(?:5\.[6-9]|[6-9])(?!\d)")
_NOT_OPENAIS: Final = frozenset(("top_k", "thinking"))
"""Extensions of other clients' chats, which OpenAI refuses by name. A pair drops them before it calls; an
answer that is gone on with comes from any pair."""
_COMPLETES: Final = re.compile(
    r"(?:gpt-3\.5-turbo-instruct|babbage-002|davinci-002|text-|ft:(?:babbage|davinci))"
)
# These models refuse max_tokens and name max_completion_tokens instead.
_O_SERIES: Final = re.compile(r"o\d(?!\d)")
_NEW_LIMIT_NAME: Final = re.compile(r"(?:o\d|gpt-[5-9])(?!\d)")


def _unfit_effort(chat: Chat, model: str) -> str | None:
    effort, tools = chat.marked.get("reasoning_effort"), chat.marked.get("tools")
    if effort is None or tools is None or not _NO_TOOLS_WITH_EFFORT.match(model):
        return None
    if fitness.given(effort) and fitness.given(tools) and effort != msgspec.Raw(b'"none"'):
        return "no tools together with reasoning_effort"
    return None


def unfit_single_calls(chat: Chat, model: str) -> str | None:
    """The o-series refuses parallel_tool_calls by name, so it can't be told to make one call at a time."""
    refused = _wants_single_calls(chat.marked) and _O_SERIES.match(model) is not None
    return "parallel tool calls can't be turned off" if refused else None


def _wants_single_calls(fields: Mapping[str, msgspec.Raw]) -> bool:
    """Whether the client relies on one call at a time; without tools there is none."""
    if "parallel_tool_calls" not in fields:
        return False
    return fields["parallel_tool_calls"] == msgspec.Raw(b"false") and fitness.given(fields.get("tools"))


def _limit_renamed(fields: dict[str, msgspec.Raw], model: str) -> dict[str, msgspec.Raw]:
    """The fields with the limit by the name that the model takes: the route's own model may be older."""
    if "max_tokens" not in fields or "max_completion_tokens" in fields or not _NEW_LIMIT_NAME.match(model):
        return fields
    return {
        "max_completion_tokens" if name == "max_tokens" else name: value for name, value in fields.items()
    }


OPENAI = OpenAI()
