"""E-mail addresses, also with the at sign as %40."""

from typing import Final

from halfopen.redact.mask import Mask
from halfopen.redact.rule import Rule, substitution

RULES: Final[tuple[Rule, ...]] = (
    substitution(
        "email",
        # The local part starts where its run of characters starts and is not given back.
        # `git@host:path` names a repository, and `icon@2x.png` a file.
        r"(?<![\w.+-])(?!git@)[\w.+-]++(?:@|%40)"
        r"(?:[\w-]{1,63}\.){1,8}(?!(?i:png|jpe?g|gif|svg|webp|js|css|py|json)(?!\w))[^\W\d_]{2,24}(?![\w])",
        Mask.EMAIL,
        "@",
        "%40",
    ),
)
