"""Reads and replaces the model's name in a request that is relayed, in JSON or in a multipart form.

The parts of a form that hold files are passed over, not decoded. Nothing raises, whatever comes: a
body that can't be read has no model, and stays as it is.

Sources: RFC 7578 (multipart/form-data), RFC 2046 section 5.1.1 (boundaries).
"""

import re
from typing import Final

import msgspec

from halfopen.providers.clients.relay.rule import ModelPlace, RelayRule

MODEL_MAX_BYTES: Final = 1024
PARTS_MAX: Final = 1000
"""Parts of a form that are looked at. The files of an edit are at most 16."""
_HEAD_MAX_BYTES = 16 * 1024
_BOUNDARY_MAX_BYTES = 200

_UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"\r\n]+)"|([^;\s"]+))', re.IGNORECASE)
_PARAMETER = re.compile(rb';\s*([A-Za-z*_-]+)\s*=\s*(?:"((?:[^"\\\r\n]|\\.)*)"|([^;\s"]*))')
_DISPOSITION = re.compile(rb"(?:^|\r\n)content-disposition:([^\r\n]*)", re.IGNORECASE)


class _Named(msgspec.Struct):
    model: str | None = None


_NAMED = msgspec.json.Decoder(_Named)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def model_in(rule: RelayRule, content_type: str, body: bytes) -> str | None:
    """The model that a request names; None: it names none, or can't be read.

    Args:
        rule: What `rule_of` said.
        content_type: The request's header, as sent; it tells JSON from a form.
        body: The whole body.
    """
    if rule.model is ModelPlace.NONE:
        return None
    if not _is_form(content_type):
        try:
            return _NAMED.decode(body).model or None
        except _UNREADABLE:
            return None
    span = _form_value(content_type, body)
    if span is None:
        return None
    try:
        return body[span[0] : span[1]].decode() or None
    except UnicodeDecodeError:
        return None


def with_model(rule: RelayRule, content_type: str, body: bytes, model: str) -> bytes:
    """The body with another model in the place of the one that it names.

    In a form every other byte stays; in JSON every other value does. A body that names no model
    stays as it is.
    """
    if model_in(rule, content_type, body) in (None, model):
        return body
    if _is_form(content_type):
        span = _form_value(content_type, body)
        return body if span is None else b"".join((body[: span[0]], model.encode(), body[span[1] :]))
    try:
        fields = _FIELDS.decode(body)
    except _UNREADABLE:
        return body
    return msgspec.json.encode({**fields, "model": model})


def _is_form(content_type: str) -> bool:
    return content_type.strip().lower().startswith("multipart/form-data")


def _form_value(content_type: str, body: bytes) -> tuple[int, int] | None:
    """Where the value of the field `model` begins and ends. None: it isn't there, or there twice."""
    delimiter = _delimiter(content_type)
    if delimiter is None:
        return None
    found: tuple[int, int] | None = None
    starts = _Parts(body, delimiter)
    for _ in range(PARTS_MAX):
        part = starts.next()
        if part is None:
            return found
        span = _value_of(body, part)
        if span is not None:
            if found is not None:
                return None  # two servers may read two different models here
            found = span
    return None


def _delimiter(content_type: str) -> bytes | None:
    matched = _BOUNDARY.search(content_type)
    boundary = (matched[1] or matched[2]) if matched else ""
    if not boundary or not boundary.isascii() or len(boundary) > _BOUNDARY_MAX_BYTES:
        return None
    return b"--" + boundary.encode()


class _Parts:
    """Walks over the parts of a form, one delimiter to the next."""

    __slots__ = ("_at", "_body", "_delimiter")

    def __init__(self, body: bytes, delimiter: bytes) -> None:
        """Begin before the first part."""
        self._body = body
        self._delimiter = delimiter
        first = self._after(0) if body.startswith(delimiter) else -2
        self._at = self._seek(0)[1] if first == -2 else first
        """Where the next part begins; -1: there is none."""

    def next(self) -> tuple[int, int] | None:
        """Where the next part's head begins and where its content ends; None: there is no other."""
        start = self._at
        if start < 0:
            return None
        end, self._at = self._seek(start - 2)  # the line end before an empty part's delimiter is its own
        return None if end < 0 else (start, end)

    def _seek(self, start: int) -> tuple[int, int]:
        """Find a delimiter line: where the content before it ends, and where the part after it begins."""
        at = self._body.find(b"\r\n" + self._delimiter, start)
        while at >= 0:
            after = self._after(at + 2)
            if after >= -1:
                return at, after
            at = self._body.find(b"\r\n" + self._delimiter, at + 2)
        return -1, -1

    def _after(self, at: int) -> int:
        """Where the part after the delimiter at `at` begins; -1: it is the last; -2: it is none at all."""
        rest = at + len(self._delimiter)
        if self._body[rest : rest + 2] == b"--":
            return -1
        line = self._body[rest : rest + 64]
        blank, ended, _ = line.partition(b"\r\n")
        return rest + len(blank) + 2 if ended and not blank.strip(b" \t") else -2


def _value_of(body: bytes, part: tuple[int, int]) -> tuple[int, int] | None:
    """Where the value of a part begins and ends, if it is the field `model` and no file."""
    start, end = part
    head_end = body.find(b"\r\n\r\n", start, min(end, start + _HEAD_MAX_BYTES))
    if head_end < 0:
        return None
    disposition = _DISPOSITION.search(body[start:head_end])
    if disposition is None:
        return None
    parameters = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(disposition[1])}
    if parameters.get(b"name") != b"model" or b"filename" in parameters or b"filename*" in parameters:
        return None
    value = head_end + 4
    return (value, end) if value <= end and end - value <= MODEL_MAX_BYTES else None
