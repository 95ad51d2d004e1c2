"""Which dialect a client speaks, told by the path of its request."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import unquote

from halfopen.http1 import RequestHead
from halfopen.providers import CHAT, ClientDialect
from halfopen.providers.clients.completions import COMPLETIONS
from halfopen.providers.clients.embeddings import EMBEDDINGS
from halfopen.providers.clients.generate import GENERATE, GENERATE_COUNT, GENERATE_EMBEDDINGS
from halfopen.providers.clients.messages import COUNT_TOKENS, MESSAGES
from halfopen.providers.clients.relay import RELAY, rule_of
from halfopen.providers.clients.responses import RESPONSES

POSTED: Mapping[bytes, ClientDialect] = MappingProxyType(
    {
        b"/v1/chat/completions": CHAT,
        b"/v1/responses": RESPONSES,
        b"/v1/completions": COMPLETIONS,
        b"/v1/embeddings": EMBEDDINGS,
        b"/v1/messages": MESSAGES,
        b"/v1/messages/count_tokens": COUNT_TOKENS,
    }
)
"""The dialects with a path of their own."""
PROBED = (b"/healthz", b"/readyz")
"""How the gateway is: asked by load balancers and orchestrators."""
_METHOD = re.compile(rb"/v1(?:alpha|beta)?/(?:models|tunedModels)/[^/]+(?::|%3[Aa])([A-Za-z]+)")
_MODELS = re.compile(rb"/v1(?:alpha|beta)?/models(?:/.*)?")
_OTHER_METHOD = re.compile(rb"(?::|%3[Aa])[A-Za-z]+(?:Contents?|Tokens)$")
"""Whatever Google's clients may ask of a model, served or not: it is no part of a model's name."""


def client_of(head: RequestHead) -> ClientDialect | None:
    """The dialect of a request for a model's work; None: it is something else."""
    path = head.path
    client = POSTED.get(path)
    if client is not None:
        # What was stored of chats is read by the same path.
        return RELAY if head.method != "POST" and is_relayed(head) else client
    if asked := _METHOD.fullmatch(path):
        return _client_of_google(asked[1])
    return RELAY if is_relayed(head) else None


def _client_of_google(method: bytes) -> ClientDialect | None:
    match method:
        case b"generateContent" | b"streamGenerateContent":
            return GENERATE
        case b"countTokens":
            return GENERATE_COUNT
        case b"embedContent" | b"batchEmbedContents":
            return GENERATE_EMBEDDINGS
        case _:
            return None


def is_relayed(head: RequestHead) -> bool:
    """Whether the request is for a part of OpenAI's API that is passed on."""
    if speaker_of(head) is not CHAT:
        return False  # another vendor's client: its files are none of OpenAI's business
    return rule_of(head.method, unquote(head.path.decode("latin-1"))) is not None


def is_models(path: bytes) -> bool:
    """Whether the path lists models, or names one."""
    return _MODELS.fullmatch(path) is not None and _OTHER_METHOD.search(path) is None


def speaker_of(head: RequestHead) -> ClientDialect:
    """The dialect in which to answer a request that is for no model's work."""
    if head.header(b"anthropic-version") is not None or head.path.startswith(b"/v1/messages"):
        return MESSAGES
    if head.header(b"x-goog-api-key") is not None or head.path.startswith((b"/v1beta/", b"/v1alpha/")):
        return GENERATE
    return CHAT
