"""What an agent is told: counts and times since the last time, and how everything is now."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from halfopen.exporters.dogstatsd import lines
from halfopen.exporters.figures import Figure, counts, times
from halfopen.seams.sums import Sums
from halfopen.signals.overview import Health

_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        Health.OK.value: "success",
        Health.IDLE.value: "success",
        Health.RESCUING.value: "warning",
        Health.FAILING.value: "error",
        Health.UNKNOWN.value: "warning",
    }
)
_WELL: Final = (Health.OK.value, Health.IDLE.value)


def metric_lines(
    sums: Sums, now: Iterable[Figure], prefix: str, tags: Iterable[tuple[str, str]]
) -> list[str]:
    """Lines for all metrics.

    Args:
        sums: What is new.
        now: How everything is.
        prefix: Begins every name.
        tags: Of every line.
    """
    always = tuple(tags)
    told = [
        lines.count(f"{prefix}.{each.name}", each.value, (*each.labels, *always)) for each in counts(sums)
    ]
    told += [
        lines.distribution(f"{prefix}.{each.name}", each.value_s, each.number, (*each.labels, *always))
        for each in times(sums)
    ]
    told += [lines.gauge(f"{prefix}.{each.name}", each.value, (*each.labels, *always)) for each in now]
    return told


def health_line(before: str, overview: Mapping[str, Any], tags: Iterable[tuple[str, str]]) -> str | None:
    """An event that users are served otherwise than before; None: they are not, or nobody asks any more.

    Args:
        before: The health before; empty: not known.
        overview: An `Overview` as JSON has it.
        tags: Of the event.
    """
    now = str(overview["health"])
    if not before or now == before or (now in _WELL and before in _WELL):
        return None
    return lines.event(
        f"Halfopen: {now}, was {before}", str(overview["sentence"]), _KINDS.get(now, "info"),
        "halfopen-health", (("health", now), *tags),
    )  # fmt: skip
