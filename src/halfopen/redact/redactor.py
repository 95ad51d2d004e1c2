"""Masks texts, bytes, headers, addresses, JSON values and faults. One redactor holds no state."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from halfopen.model import Fault
from halfopen.redact import (
    address,
    authorization,
    card,
    cloud_keys,
    cookies,
    iban,
    jwt,
    mail,
    named,
    names,
    pem,
    phone,
    ssn,
    urls,
    vendor_keys,
)
from halfopen.redact.exact import forms, mask_known
from halfopen.redact.mask import MASKED, Mask, with_tail
from halfopen.redact.patterns import rules
from halfopen.redact.rule import Rule, run

DEPTH_MAX: Final = 64
"""Levels of a JSON value that are looked at; what lies deeper is masked whole."""

PASSES_MAX: Final = 8
"""A mask may uncover another secret. A text that still changes after so many passes is masked whole."""

# What ends at a delimiter of its own goes first, so that a shorter pattern can't take half of it.
_SECRETS: Final[tuple[Rule, ...]] = (
    *pem.RULES,
    *urls.RULES,
    *authorization.RULES,
    *cookies.RULES,
    *named.RULES,
    *vendor_keys.RULES,
    *cloud_keys.RULES,
    *jwt.RULES,
)
_PERSONAL: Final[tuple[Rule, ...]] = (*mail.RULES, *iban.RULES, *card.RULES, *ssn.RULES, *phone.RULES)
_RULES: Final = _SECRETS + _PERSONAL

_URL_HEADERS: Final = frozenset(("location", "referer", "contentlocation", "origin"))
_COOKIE_HEADERS: Final = frozenset(("cookie", "cookie2", "setcookie"))
_SCHEMA_TYPES: Final = frozenset(("string", "number", "integer", "boolean", "object", "array", "null"))
_NAME_FIELDS: Final = ("name", "key", "header", "field")


@dataclass(frozen=True, slots=True)
class Redactor:
    """Masks secrets and personal data. Masking twice gives the same as masking once.

    No method raises on any input of its type.
    """

    secrets: tuple[str, ...] = ()
    """Exact secrets in all their written forms, as `known` makes them."""
    addresses: bool = False
    """Whether IP addresses are masked too, except loopback."""
    patterns: tuple[Rule, ...] = ()
    """Those of the configuration."""

    def __repr__(self) -> str:
        """Shows how many forms it knows, never which."""
        return f"Redactor({len(self.secrets)} forms, addresses={self.addresses})"

    def text(self, text: str) -> str:
        """Mask a text: a log line, a message, a body. Takes time linear in its length."""
        for _ in range(PASSES_MAX):
            masked = self._once(text)
            if masked == text:
                return text
            text = masked
        return Mask.REDACTED if self._once(text) != text else text

    def data(self, data: bytes) -> bytes:
        """Mask bytes. What is not UTF-8 passes through as it is."""
        text = data.decode("utf-8", "surrogateescape")
        masked = self.text(text)
        return data if masked == text else masked.encode("utf-8", "surrogateescape")

    def headers(self, pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Mask the values of headers; names, order and harmless values stay.

        Of a credential the scheme stays, and of a long one the last four characters, so that a
        person can tell which of their keys it was.
        """
        return tuple((self.text(name), self._header(name, value)) for name, value in pairs)

    def url(self, url: str) -> str:
        """Mask an address: userinfo, secret parameters, signatures, and what `text` masks."""
        return self.text(urls.bare_userinfo(url))

    def json_value(self, value: Any) -> Any:
        """Mask a JSON value by the names of its fields and by its strings.

        Returns a new value; the given one is not changed. Deeper than `DEPTH_MAX` levels it is masked.
        """
        return self._value(value, None, 0)

    def fault(self, fault: Fault) -> Fault:
        """Mask every field of a fault that an upstream wrote."""
        return replace(
            fault,
            message=self.text(fault.message),
            remedy=self.text(fault.remedy),
            type=self._optional(fault.type),
            code=self._optional(fault.code),
            param=self._optional(fault.param),
            evidence=tuple(self.text(fact) for fact in fault.evidence),
            request_id=self._optional(fault.request_id),
            body=self.data(fault.body),
        )

    def _once(self, text: str) -> str:
        if self.secrets:
            text = mask_known(text, self.secrets)
        text = run(_RULES, text)
        if self.patterns:
            text = run(self.patterns, text)
        return run(address.RULES, text) if self.addresses else text

    def _optional(self, text: str | None) -> str | None:
        return None if text is None else self.text(text)

    def _header(self, name: str, value: str) -> str:
        if MASKED.search(name):
            return self.text(value)  # a masked name announces nothing
        plain = names.normal(name)
        mask = names.header(name)
        if mask is None:
            if plain in _URL_HEADERS:
                return self.url(value)
            mask = names.weak(name)
            return mask if mask and names.looks_random(value) else self.text(value)
        if not value.strip() or MASKED.fullmatch(value):
            return value
        if plain.endswith("authorization"):
            return authorization.credentials(value)
        if plain in _COOKIE_HEADERS:
            return self.text(cookies.cookie(value))
        return with_tail(mask, value.strip()) if mask is Mask.KEY else mask

    def _value(self, value: Any, name: str | None, depth: int) -> Any:
        """Mask a value that stands under `name`; None: it has no name."""
        if value is None or isinstance(value, bool):
            return value
        if depth > DEPTH_MAX:
            return value if value == Mask.DEEP else str(Mask.DEEP)
        if isinstance(value, str):
            return self._string(value, name)
        if isinstance(value, int | float):
            return self._number(value, name)
        if isinstance(value, dict):
            return self._object(value, name, depth)
        if isinstance(value, list | tuple):
            items = self._array(value, name, depth)
            return tuple(items) if isinstance(value, tuple) else items
        if isinstance(value, bytes):
            return self.data(value)
        return str(Mask.UNREADABLE)

    def _string(self, value: str, name: str | None) -> str:
        if name is None or MASKED.fullmatch(value):
            return self.text(value)
        plain = names.normal(name)
        if plain.endswith("authorization"):
            return authorization.credentials(value)
        if plain in _COOKIE_HEADERS and "=" in value:
            return self.text(cookies.cookie(value))
        return names.mask_for(name, value) or self.text(value)

    def _number(self, value: float, name: str | None) -> Any:
        if name is not None and isinstance(value, int) and (mask := names.strong(name)):
            return str(mask)
        if isinstance(value, int) and value.bit_length() > 256:
            return value  # no secret is a number that long, and printing it may be refused
        shown = str(value)
        masked = self.text(shown)
        return value if masked == shown else masked

    def _array(self, value: list[Any] | tuple[Any, ...], name: str | None, depth: int) -> list[Any]:
        if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], str):
            first, second = value
            # A pair of a header's name and its value.
            if names.header(first) and (names.looks_random(second) or " " in second.strip() or "=" in second):
                return [self.text(first), self._header(first, second)]
        return [self._value(item, name, depth + 1) for item in value]

    def _object(self, value: dict[Any, Any], name: str | None, depth: int) -> dict[Any, Any]:
        inherited = name if name is not None and names.strong(name) and not _is_schema(value) else None
        pair_name = _pair_name(value)
        masked: dict[Any, Any] = {}
        for key, item in value.items():
            own = key if isinstance(key, str) and not MASKED.search(key) else None
            under = own
            if own == "value" and pair_name is not None:
                under = pair_name
            elif inherited is not None and (own is None or not (names.strong(own) or names.weak(own))):
                under = inherited
            shown = self._value(item, under, depth + 1)
            masked[self._key(key, masked)] = shown
        return masked

    def _key(self, key: Any, taken: dict[Any, Any]) -> Any:
        """The key, masked if it is itself a secret, and numbered if the mask is taken."""
        if not isinstance(key, str):
            return key if key is None or isinstance(key, int | float | bool) else str(Mask.UNREADABLE)
        shown = self.text(key)
        if shown == key:
            return key
        number = 2
        unique = shown
        while unique in taken:
            unique = f"{shown} #{number}"
            number += 1
        return unique


def known(secrets: Iterable[str], *, addresses: bool = False, patterns: Iterable[str] = ()) -> Redactor:
    """A redactor that also masks these exact secrets, encoded and at the edges of a cut text.

    Secrets of fewer than four characters are not looked for: they would be found everywhere. `patterns`:
    regular expressions of what is masked as well; those that `patterns.problem_of` refuses are left out.
    """
    return Redactor(forms(secrets), addresses, rules(patterns))


def _is_schema(value: dict[Any, Any]) -> bool:
    """Whether an object describes a field (JSON Schema) rather than holding its value."""
    kind = value.get("type")
    return (isinstance(kind, str) and kind in _SCHEMA_TYPES) or "$ref" in value or "anyOf" in value


def _pair_name(value: dict[Any, Any]) -> str | None:
    """The name in an object of the form {"name": "authorization", "value": …}."""
    if "value" not in value:
        return None
    for field in _NAME_FIELDS:
        name = value.get(field)
        if isinstance(name, str) and not MASKED.search(name) and (names.header(name) or names.weak(name)):
            return name
    return None
