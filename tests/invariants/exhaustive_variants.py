"""The small models that are searched: each lets one part of the policy meet the others.

Options are small so that things happen in a few steps: a breaker opens after two failures, a limit is one
to three, a bucket holds one retry, a deadline is eight seconds. Each is searched with all draws at either
end: 0.0 (no jitter, slow starts let everybody through) and 0.999 (the longest waits, slow starts refuse).
"""

from collections.abc import Iterator
from dataclasses import replace

from exhaustive_model import Variant

from halfopen.policy import AfterCommit

DRAWS = (0.0, 0.999)

_SHORT = Variant("", (), leaves=0, arrives_until_s=0.0, deadline_s=3.0, attempt_s=2.0)
"""Requests that come at once and wait for half as long, where the paths would be too many."""
_SHORTER = replace(_SHORT, deadline_s=2.0, attempt_s=1.0)
_HEDGED = replace(_SHORTER, stream=True, hedges=True, limit=3, bucket=6.0)
VARIANTS = (
    Variant("order", ("500", "request"), leaves=0),
    Variant("order, one leaves", ("500",)),
    Variant("rate limits", ("429",), leaves=0),
    Variant("rate limits beyond the deadline", ("429long",), leaves=0),
    Variant("delays", ("503",), leaves=0),
    Variant("keys", ("500", "key"), leaves=0),
    Variant("shared key", ("key", "500"), shared_key=True, leaves=0),
    Variant("two keys each", ("key", "429"), keys=2, leaves=0),
    Variant("preferring different targets", ("500",), crossed=True, limit=2),
    Variant("both to the backup", ("500",), limit=2, leaves=0),
    Variant("overload, preferring different targets", ("503",), crossed=True, limit=2, leaves=0),
    Variant("one target, three attempts", ("500",), targets=1, attempts=3),
    Variant("one target that fails already", ("500",), targets=1, failing=2),
    Variant("one target, rate limits", ("429", "500"), targets=1, limit=2),
    Variant("one target, calls that hang", (), targets=1, leaves=0, deadline_s=40.0, attempt_s=40.0),
    Variant("a line of one place", ("500",), places=1, leaves=0),
    Variant("a caller that repeats", ("500",), repeats=1, leaves=0),
    Variant("streams, one comes later", ("cut",), stream=True, leaves=0, targets=1),
    replace(_SHORT, name="streams, one leaves", faults=("cut",), stream=True, targets=1, leaves=1),
    Variant("one held stream", ("500", "cut"), stream=True, held=True, requests=1, attempts=3, bucket=2.0),
    replace(_SHORT, name="held streams", faults=("cut",), stream=True, held=True, targets=1),
    Variant("streams that can't go on", ("cut",), stream=True, resumable=False, leaves=0),
    Variant("streams that end in errors", ("cut",), stream=True, after_commit=AfterCommit.ERROR, leaves=0),
    replace(_HEDGED, name="hedges, one leaves", leaves=1),
    Variant(
        "one hedged stream",
        ("500", "cut"),
        stream=True,
        hedges=True,
        limit=3,
        bucket=6.0,
        requests=1,
        attempts=3,
    ),
    replace(_SHORT, name="streams that fail", faults=("500",), stream=True),
    replace(_SHORT, name="first target fails already", faults=("500",), failing=2),
    replace(_SHORT, name="streams that are cut", faults=("cut",), stream=True),
    replace(_SHORTER, name="three attempts", faults=("500",), attempts=3, bucket=2.0),
    replace(_HEDGED, name="hedges", faults=("500",)),
)
"""Searched with both draws by `exhaustive_run.py`, the largest last: they get the time that others left."""

QUICK = (
    replace(_SHORT, name="quick, one target", faults=("500",), targets=1, failing=1, leaves=1, entropy=0.999),
    replace(_SHORT, name="quick, shared key", faults=("key",), shared_key=True),
    replace(_SHORT, name="quick, different targets", faults=("503",), crossed=True, limit=2, entropy=0.999),
    replace(_SHORTER, name="quick, order", faults=("500",), entropy=0.999),
    replace(_SHORT, name="quick, streams", faults=("cut",), stream=True, targets=1),
    replace(_SHORT, name="quick, streams at two targets", faults=("cut",), stream=True, requests=1),
    replace(_SHORT, name="quick, hedges", stream=True, hedges=True, limit=3, bucket=6.0, requests=1),
)
"""Searched by every run of the tests, with the draw that they have."""


def drawn(variants: tuple[Variant, ...]) -> Iterator[Variant]:
    """Each variant with each draw."""
    for variant in variants:
        for draw in DRAWS:
            yield replace(variant, name=f"{variant.name} ({draw})", entropy=draw)
