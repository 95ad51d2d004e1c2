"""What stands in the place of a masked value."""

import re
from enum import StrEnum
from typing import Final


class Mask(StrEnum):
    """The masks. Each names the kind of thing that it hides."""

    KEY = "[key]"
    TOKEN = "[token]"
    PASSWORD = "[password]"
    SECRET = "[secret]"
    PRIVATE_KEY = "[private key]"
    COOKIE = "[cookie]"
    USERINFO = "[userinfo]"
    SIGNATURE = "[signature]"
    EMAIL = "[email]"
    PHONE = "[phone]"
    CARD = "[card]"
    IBAN = "[iban]"
    SSN = "[ssn]"
    ADDRESS = "[address]"
    PATTERN = "[pattern]"
    """What a pattern of the configuration finds."""
    REDACTED = "[redacted]"
    """A whole text that could not be masked piece by piece."""
    DEEP = "[too deep]"
    """A value nested deeper than is looked at."""
    UNREADABLE = "[unreadable]"
    """A value of a type that JSON does not have."""


TAIL_CHARS: Final = 4
"""Characters of a long credential that a header mask keeps; vendors' own key lists show as many."""

TAIL_MIN_CHARS: Final = 24
"""A shorter credential keeps no tail: four characters would be too much of it."""

MASKED: Final = re.compile(
    r"\[(?:" + "|".join(re.escape(mask[1:-1]) for mask in Mask) + r")(?: ending [A-Za-z0-9]{4})?\]"
)
"""Finds any mask, with or without a tail."""


def with_tail(mask: Mask, secret: str) -> str:
    """The mask with the secret's last four characters when it is long and random enough to spare them."""
    tail = secret.rstrip("=")[-TAIL_CHARS:]
    varied = any(c.isdigit() for c in secret) and any(c.isalpha() for c in secret)
    if len(secret) < TAIL_MIN_CHARS or not varied or not (tail.isascii() and tail.isalnum()):
        return mask
    return f"{mask[:-1]} ending {tail}]"
