"""Ids of requests: unique, short, sortable by process only."""

import itertools
import secrets
from collections.abc import Callable


def id_source() -> Callable[[], str]:
    """Return a function that makes ids such as `ho-1f3a9c0e52d7-000001`.

    The first part is random for each source, the second counts.
    """
    prefix = secrets.token_hex(6)
    counter = itertools.count(1)
    return lambda: f"ho-{prefix}-{next(counter):06x}"
