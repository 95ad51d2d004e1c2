"""Which requests are relayed as they are, and by what rule each.

A list of what is let through, not of what is refused: the organization's own administration
(`/v1/organization`), realtime sessions (not HTTP) and whatever is unknown have no rule. Chat
completions, responses, completions, embeddings and the list of models are served elsewhere.

Source: https://developers.openai.com/api/reference
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


class Repeat(Enum):
    """What sending a request twice does."""

    HARMLESS = auto()
    """Nothing: it only reads."""
    COSTS = auto()
    """It computes something and stores nothing: an answer that was made twice is paid for twice."""
    STORES = auto()
    """It creates, changes or deletes something: twice is not the same as once."""


class ModelPlace(Enum):
    """Where a request names its model."""

    NONE = auto()
    """Nowhere, or not as a choice of who serves it."""
    JSON = auto()
    """The field `model` of the JSON body."""
    FORM = auto()
    """The field `model` of a multipart form."""


@dataclass(frozen=True, slots=True)
class RelayRule:
    """How one kind of request is relayed."""

    repeat: Repeat
    bound: bool
    """Whether it must go to one account always: what it names, or makes, exists there only."""
    model: ModelPlace = ModelPlace.NONE


_PREFIX: Final = "/v1/"
_READS = frozenset(("GET", "HEAD"))
_WRITES = frozenset(("POST", "DELETE", "PUT", "PATCH"))
_READ = RelayRule(Repeat.HARMLESS, bound=True)
_WRITE = RelayRule(Repeat.STORES, bound=True)

_COMPUTED: Mapping[str, ModelPlace] = {
    "audio/speech": ModelPlace.JSON,
    "audio/transcriptions": ModelPlace.FORM,
    "audio/translations": ModelPlace.FORM,
    "images/generations": ModelPlace.JSON,
    "images/edits": ModelPlace.FORM,
    "images/variations": ModelPlace.FORM,
    "moderations": ModelPlace.JSON,
}
"""POST only. Nothing of them stays at the provider."""

_COMPUTED_THERE: Mapping[str, ModelPlace] = {
    "responses/compact": ModelPlace.JSON,
    "responses/input_tokens": ModelPlace.JSON,
}
"""POST only. They store nothing, but may name what is stored in one account."""

_KEPT = frozenset(
    (
        "assistants", "batches", "chatkit", "containers", "conversations", "evals", "files", "fine_tuning",
        "skills", "threads", "uploads", "vector_stores", "videos",
    )
)  # fmt: skip
"""First parts of the paths of what is kept in an account, with all that is below them."""

_KEPT_BELOW = ("audio/voices", "audio/voice_consents")
"""The same, of two parts."""

_STORED: Final = re.compile(
    # One that was stored, and what belongs to it; of chats the list as well.
    r"responses/[^/]+(?:/(?:cancel|input_items))?|chat/completions(?:/[^/]+(?:/messages)?)?"
)
_SEGMENT: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9_.:~@+-]{1,256}")
_SEGMENTS_MAX = 10


def rule_of(method: str, path: str) -> RelayRule | None:
    """The rule for a request; None: it is not relayed.

    Args:
        method: The HTTP method, in upper case.
        path: The decoded path without the query: `/v1/files/file-1/content`.
    """
    if not path.startswith(_PREFIX) or method not in _READS | _WRITES:
        return None
    below = path.removeprefix(_PREFIX).removesuffix("/")
    segments = below.split("/")
    if len(segments) > _SEGMENTS_MAX or not all(map(_SEGMENT.fullmatch, segments)):
        return None
    if below in _COMPUTED:
        return RelayRule(Repeat.COSTS, bound=False, model=_COMPUTED[below]) if method == "POST" else None
    if below in _COMPUTED_THERE:
        there = RelayRule(Repeat.COSTS, bound=True, model=_COMPUTED_THERE[below])
        return there if method == "POST" else None
    if _is_kept(segments) or _is_stored(method, below):
        return _READ if method in _READS else _WRITE
    return None


def _is_kept(segments: list[str]) -> bool:
    return segments[0] in _KEPT or "/".join(segments[:2]) in _KEPT_BELOW


def _is_stored(method: str, below: str) -> bool:
    """Whether it is about an answer that was stored. To make one is no matter of relaying."""
    if below == "chat/completions":
        return method in _READS
    return _STORED.fullmatch(below) is not None
