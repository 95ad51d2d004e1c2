"""What a request asks of everything that requests share, read from its head and its body.

Rules
1. The headers are looked through once; what makes no sense counts as not sent.
2. A caller is known by a keyed hash of the credential that it sent, or of the name that it gives
   itself in `x-halfopen-caller`; who has a key of the gateway, by the name of that. The credential is kept
   nowhere.
3. The clients of OpenAI and Anthropic, and a Halfopen in front of this one, say in
   `x-stainless-retry-count` how often they have sent a request before.
4. A stream's read timeout is for the time between two events, so it says nothing about patience;
   `x-halfopen-timeout` does, for streams as well.
5. Token counts are estimates, to be replaced by what the provider counts.
6. A `traceparent` that comes twice or isn't one counts as not sent, and its `tracestate` with it.

Sources: the official clients of OpenAI (3.54) and Anthropic (2.12), `_build_headers`; W3C Trace Context.
"""

import hashlib
import math
from typing import Final

import msgspec

from halfopen.gateway.keyring import CREDENTIALS
from halfopen.gateway.notes import Sender
from halfopen.http1 import RequestHead
from halfopen.model import Demand, Priority
from halfopen.model.trace import context_of
from halfopen.providers import Ask, Chat
from halfopen.providers.ask import plain_value
from halfopen.providers.clients.embeddings.request import Embedding
from halfopen.providers.clients.relay import Relayed
from halfopen.providers.continuation import estimated

OUTPUT_TOKENS: Final = 500
"""What an answer is taken to have when the request sets no limit: chats mostly get fewer."""
OUTPUT_TOKENS_MAX: Final = 200_000
"""No answer is taken to have more, whatever limit its request sets."""
REPEATS_MAX: Final = 100
PATIENCE_MAX_S: Final = 86_400.0
NAME_MAX_CHARS: Final = 64
TRACE_STATE_MAX_CHARS: Final = 1024
"""Twice what the standard wants passed on at least. A longer one is not."""

_CALLER: Final = b"x-halfopen-caller"
_PRIORITY: Final = b"x-halfopen-priority"
_TIMEOUT: Final = b"x-halfopen-timeout"
_REPEATS: Final = b"x-stainless-retry-count"
_TRACE: Final = b"traceparent"
_TRACE_STATE: Final = b"tracestate"
_READ_TIMEOUTS: Final = (b"x-stainless-read-timeout", b"x-stainless-timeout")
_READ: Final = frozenset((_CALLER, _PRIORITY, _TIMEOUT, _REPEATS, _TRACE, *CREDENTIALS, *_READ_TIMEOUTS))

_BYTES_PER_TOKEN: Final = 4
_OUTPUT_LIMITS: Final = ("max_completion_tokens", "max_tokens", "max_output_tokens")
_LARGE_BYTES: Final = 16 * 1024
_DIGITS_MAX: Final = 12


def sender_of(head: RequestHead, secret: bytes) -> Sender:
    """Read a request's head.

    Args:
        head: The head.
        secret: Makes the hashes of callers this process's own. At most 32 bytes.
    """
    sent = {name: value for name, value in head.headers if name in _READ}
    if not sent:
        return NOBODY
    trace = _trace(head) if _TRACE in sent else ""
    return Sender(
        _caller(sent, secret),
        _told_priority(sent.get(_PRIORITY)),
        _repeats(sent.get(_REPEATS)),
        _patience_s(sent, stream=False),
        _patience_s(sent, stream=True),
        _name(sent.get(_CALLER)),
        trace,
        _trace_state(head) if trace else "",
    )


NOBODY: Final = Sender()
"""Who sends a head that tells nothing."""


def caller_of(name: str, secret: bytes) -> str:
    """What tells the holder of a key of the gateway apart, whatever else its requests say.

    Args:
        name: The key's.
        secret: As for `sender_of`.
    """
    return _hash(b"key:" + name.encode(), secret)


def demand_of(sender: Sender, ask: Ask) -> Demand:
    """What a request asks.

    Args:
        sender: What its head tells.
        ask: What its client's dialect has read of it.
    """
    return Demand(
        _input_tokens(ask),
        _output_tokens(ask),
        sender.priority or _priority(ask),
        sender.caller,
        sender.repeats,
        sender.stream_patience_s if ask.stream else sender.patience_s,
    )


def _caller(sent: dict[bytes, bytes], secret: bytes) -> str:
    for name in (_CALLER, *CREDENTIALS):
        value = sent.get(name)
        if value:
            return _hash(name + b":" + value, secret)
    return ""


def _hash(told: bytes, secret: bytes) -> str:
    return hashlib.blake2s(told, digest_size=8, key=secret).hexdigest()


def _name(told: bytes | None) -> str:
    """What it calls itself, as far as that can be shown."""
    if told is None:
        return ""
    shown = "".join(each for each in told.decode("utf-8", "replace") if each.isprintable())
    return shown[:NAME_MAX_CHARS].strip()


def _trace(head: RequestHead) -> str:
    told = [value for name, value in head.headers if name == _TRACE]
    trace = told[0].decode("latin-1").strip() if len(told) == 1 else ""
    return trace if context_of(trace) is not None else ""


def _trace_state(head: RequestHead) -> str:
    told = b",".join(value for name, value in head.headers if name == _TRACE_STATE).decode("latin-1")
    fit = len(told) <= TRACE_STATE_MAX_CHARS and told.isascii() and told.isprintable()
    return told if fit else ""


def _told_priority(told: bytes | None) -> Priority | None:
    if told is not None:
        match told.strip().lower():
            case b"bulk":
                return Priority.BULK
            case b"interactive":
                return Priority.INTERACTIVE
    return None


def _priority(ask: Ask) -> Priority:
    if isinstance(ask, Relayed):
        return Priority.INTERACTIVE
    if isinstance(ask, Chat):
        if ask.origin is not None:
            ask = ask.origin
            if b'"flex"' not in ask.body:
                return Priority.INTERACTIVE  # its fields need not be read
        elif "service_tier" not in ask.marked:
            return Priority.INTERACTIVE
    return Priority.BULK if ask.value("service_tier") == "flex" else Priority.INTERACTIVE


def _repeats(told: bytes | None) -> int:
    if told is None or not told.isdigit() or len(told) > _DIGITS_MAX:
        return 0
    return min(int(told), REPEATS_MAX)


def _patience_s(sent: dict[bytes, bytes], *, stream: bool) -> float | None:
    for name in (_TIMEOUT,) if stream else (_TIMEOUT, *_READ_TIMEOUTS):
        told = sent.get(name)
        if told is not None and (patience_s := _seconds(told)) is not None:
            return patience_s
    return None


def _seconds(told: bytes) -> float | None:
    try:
        seconds = float(told)
    except ValueError:
        return None
    return min(seconds, PATIENCE_MAX_S) if math.isfinite(seconds) and seconds > 0 else None


def _input_tokens(ask: Ask) -> int:
    body = ask.body
    if len(body) > _LARGE_BYTES and isinstance(ask, Chat):
        return estimated(ask, 0).input_tokens  # it may have images, whose bytes tell nothing
    if isinstance(ask, Relayed):
        return 0  # a file, a form, a job's name: nothing that has tokens as a prompt has them
    return -(-len(body) // _BYTES_PER_TOKEN)


def _output_tokens(ask: Ask) -> int:
    if isinstance(ask, Chat):
        fields = ask.marked
        if not fields:
            return OUTPUT_TOKENS
    elif isinstance(ask, Relayed | Embedding):
        return 0
    else:
        fields = ask.fields
    limit = OUTPUT_TOKENS
    for name in _OUTPUT_LIMITS:
        if name in fields and (found := _count(fields[name])):
            limit = found
            break
    number = _count(fields["n"]) if "n" in fields else 0
    return min(limit * (number or 1), OUTPUT_TOKENS_MAX)


def _count(raw: msgspec.Raw) -> int:
    """A field that should be a positive number; 0: it is none. The provider says so."""
    value = plain_value(raw)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
