"""United States social security numbers: with hyphens in valid ranges."""

from typing import Final

from halfopen.redact.mask import Mask
from halfopen.redact.rule import Rule, substitution

RULES: Final[tuple[Rule, ...]] = (
    substitution(
        "ssn",
        # No area 000, 666 or 9xx, no group 00, no serial 0000. Bare nine digits are taken only by name.
        r"(?<![\w.+/-])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![\w]|[./-]\w)",
        Mask.SSN,
        "-",
    ),
)
