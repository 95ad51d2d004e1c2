"""JSON Web Tokens, signed (three parts), encrypted (five), or cut off at the end of a text."""

from typing import Final

from halfopen.redact.mask import Mask
from halfopen.redact.rule import Rule, substitution

RULES: Final[tuple[Rule, ...]] = (
    substitution(
        "jwt",
        # The header is JSON, so it begins with `{"`, which is eyJ in base64.
        r"eyJ(?<![A-Za-z0-9_-]eyJ)[A-Za-z0-9_-]{6,}+(?:(?:\.[A-Za-z0-9_-]*+){1,4}|\Z)",
        Mask.TOKEN,
        "eyj",
    ),
)
