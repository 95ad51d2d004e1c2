"""What the fault's own reply asks for, read without any gateway between."""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

import msgspec

from halfopen import errors
from halfopen.lab.fault import Stage
from halfopen.lab.matrix.case import MODELS, PROVIDERS, Case
from halfopen.lab.server import HOST, LabProvider
from halfopen.model import Fault, Kind, Reply, Target, Verdict
from halfopen.providers import DIALECTS, Chat, parse_chat
from halfopen.providers.catalogue import lookup

_PATIENCE_S = 10.0
_MAX_BYTES = 256 * 1024


async def fault_to_return(case: Case, prompt: str) -> Fault | None:
    """The fault that the client must see: the case's own, when its verdict is "fix the request".

    A context that is too long for the primary's model is no such fault while the backup's model has
    a larger one, as far as the catalogue knows.

    A provider of its own plays the fault, so that the row's calls stay countable. A fault that only
    a timer can notice has no whole reply, so it is not asked for one.

    Raises:
        TimeoutError: The fault neither replied nor closed the connection.
    """
    if case.fault.healthy or case.is_timed or case.is_inside or case.fault.stage is not Stage.REQUEST:
        return None
    async with LabProvider(case.primary) as provider:
        provider.set_fault(case.fault.name, **case.options)
        raw = b""
        base_path = urlsplit(provider.base_url).path
        async with asyncio.timeout(_PATIENCE_S):
            with suppress(ConnectionError):  # many faults are just that
                raw = await _exchange(provider, _request(case, prompt, base_path))
    reply = _parsed(raw, case.primary)
    fault = None if reply is None else errors.decode(reply)
    if fault is None or fault.verdict is not Verdict.FIX_REQUEST:
        return None
    return None if fault.kind is Kind.CONTEXT_TOO_LONG and _backup_is_larger(case) else fault


def _backup_is_larger(case: Case) -> bool:
    primary, backup = (
        lookup(dialect, case.models[dialect])[0].context_tokens for dialect in (case.primary, case.backup)
    )
    return backup is not None and backup > (primary or 0)


def _request(case: Case, prompt: str, base_path: str) -> bytes:
    """The same question in the primary's own dialect."""
    body = msgspec.json.encode(
        {
            "model": MODELS[case.primary],
            "messages": [{"role": "user", "content": prompt}],
            "stream": case.mode == "stream",
        }
    )
    chat = parse_chat(body)
    assert isinstance(chat, Chat)
    target = Target(PROVIDERS[case.primary], MODELS[case.primary], case.primary)
    call = DIALECTS[case.primary].call(chat, target, "lab")
    headers = "".join(f"{name}: {value}\r\n" for name, value in call.headers)
    headers += f"host: lab\r\ncontent-length: {len(call.body)}\r\n"
    return f"POST {base_path}{call.path} HTTP/1.1\r\n{headers}\r\n".encode() + call.body


async def _exchange(provider: LabProvider, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, provider.port)
    try:
        writer.write(request)
        raw = b""
        while chunk := await reader.read(65536):
            raw += chunk
            if _is_enough(raw):
                break
        return raw
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _is_enough(raw: bytes) -> bool:
    head, blank, body = raw.partition(b"\r\n\r\n")
    return len(raw) > _MAX_BYTES or bool(blank and (_status(head) < 400 or len(body) >= _length(head)))


def _status(head: bytes) -> int:
    words = head.split(b"\r\n", 1)[0].split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


def _headers(head: bytes) -> tuple[tuple[str, str], ...]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines)
    return tuple((name.strip().lower(), value.strip()) for name, _, value in pairs)


def _length(head: bytes) -> int:
    return int(dict(_headers(head)).get("content-length", "0"))


def _parsed(raw: bytes, dialect: str) -> Reply | None:
    """The reply when it is a whole error, else None."""
    head, blank, body = raw.partition(b"\r\n\r\n")
    if not blank or _status(head) < 400 or len(body) < _length(head):
        return None
    return Reply(_status(head), _headers(head), body, dialect=dialect)
