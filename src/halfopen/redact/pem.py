"""Private keys in PEM armour, whole or cut off."""

from typing import Final

from halfopen.redact.mask import Mask
from halfopen.redact.rule import Rule, substitution

# The body may hold `\n` as two characters (inside JSON) and the headers of an encrypted key. It ends
# at anything else, so a key that was cut off does not take the rest of the text with it.
RULES: Final[tuple[Rule, ...]] = (
    substitution(
        "pem",
        r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:[A-Za-z0-9+/=\\\s:,]|-(?!----))*+"
        r"(?:-----END (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?-----)?",
        Mask.PRIVATE_KEY,
        "private key",
    ),
)
