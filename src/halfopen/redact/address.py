"""Addresses of clients. Off unless asked for, since whoever reads a log of faults needs them."""

import ipaddress
import re
from typing import Final

from halfopen.redact.mask import Mask
from halfopen.redact.rule import Rule

_V4: Final = re.compile(r"(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![\w]|\.[0-9])", re.ASCII)
_V6: Final = re.compile(
    r"(?<![\w:.])(?=[0-9A-Fa-f.]{0,45}:)[0-9A-Fa-f:.]{2,45}+(?:%[A-Za-z0-9]{1,15})?(?![\w:])", re.ASCII
)


def _mask(match: re.Match[str]) -> str:
    text = match[0].rstrip(".")
    rest = match[0][len(text) :]
    if text.endswith(":") and not text.endswith("::"):
        text, rest = text[:-1], ":" + rest
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return match[0]
    nobody = address.is_loopback or address.is_unspecified
    return match[0] if nobody else Mask.ADDRESS + rest


RULES: Final[tuple[Rule, ...]] = (
    Rule("ipv6", (":",), lambda text: _V6.sub(_mask, text)),
    Rule("ipv4", (".",), lambda text: _V4.sub(_mask, text)),
)
