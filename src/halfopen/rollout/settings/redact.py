"""`[redact]`: what is masked beyond the forms that are known."""

from typing import Annotated

from msgspec import Meta

from halfopen.rollout.settings.table import Table


class Redact(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is masked wherever something is logged, stored or shown, beyond the known forms of secrets."""

    patterns: Annotated[
        tuple[str, ...],
        Meta(
            max_length=32,
            description="Regular expressions (Python's). Every repetition needs an upper bound, as in "
            "[0-9]{6,10}, so that no text takes long.",
            examples=[["EMP-[0-9]{6}"]],
        ),
    ] = ()
