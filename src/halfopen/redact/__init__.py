"""Masks keys, tokens, cookies and personal data wherever anything is logged, stored or shown.

`text`, `data`, `headers`, `url`, `json_value` and `fault` know the forms of secrets; `known` makes a
`Redactor` that knows the configured ones exactly as well. See docs/reference/redaction.md.
"""

from collections.abc import Iterable
from typing import Any, Final

from halfopen.model import Fault
from halfopen.redact.mask import MASKED, Mask
from halfopen.redact.redactor import Redactor, known

_PLAIN: Final = Redactor()


def text(s: str) -> str:
    """Mask a text. See `Redactor.text`."""
    return _PLAIN.text(s)


def data(b: bytes) -> bytes:
    """Mask bytes. See `Redactor.data`."""
    return _PLAIN.data(b)


def headers(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Mask the values of headers. See `Redactor.headers`."""
    return _PLAIN.headers(pairs)


def url(s: str) -> str:
    """Mask an address. See `Redactor.url`."""
    return _PLAIN.url(s)


def json_value(value: Any) -> Any:
    """Mask a JSON value. See `Redactor.json_value`."""
    return _PLAIN.json_value(value)


def fault(f: Fault) -> Fault:
    """Mask what an upstream wrote into a fault. See `Redactor.fault`."""
    return _PLAIN.fault(f)


__all__ = [
    "MASKED",
    "Mask",
    "Redactor",
    "data",
    "fault",
    "headers",
    "json_value",
    "known",
    "text",
    "url",
]
