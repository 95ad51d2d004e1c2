"""Names and addresses of machines, as somebody writes them."""

import ipaddress
import re
from typing import Final

_NAME_MAX: Final = 253
_LABEL: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
"""As DNS has them, and underscores, which names inside of clusters have."""


def is_host(text: str) -> bool:
    """Whether it can be looked up: an IP address, or a name whose parts have 1 to 63 characters each."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        pass
    else:
        return True
    try:
        name = text.encode("idna").decode("ascii").removesuffix(".")
    except UnicodeError:
        return False
    return len(name) <= _NAME_MAX and all(_LABEL.fullmatch(part) for part in name.split("."))
