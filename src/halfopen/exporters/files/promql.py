"""Expressions of PromQL that rules and dashboards share."""

import re
from collections.abc import Iterable
from typing import Final

from halfopen.model import Kind
from halfopen.seams.sums import GONE, OK
from halfopen.signals import metrics
from halfopen.signals.fault_owner import is_own_mistake

OWN_MISTAKES: Final = tuple(kind.value for kind in Kind if is_own_mistake(kind.value))
"""Results that say nothing about whether users are served: the request itself is at fault."""


def any_of(values: Iterable[str]) -> str:
    """A regular expression for exactly these values, as a label's matcher takes it."""
    return "|".join(re.escape(value).replace("\\-", "-") for value in values)


def text(value: str) -> str:
    """A text between its quotes."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def matcher(label: str, operator: str, value: str) -> str:
    """One matcher of a label."""
    return f"{label}{operator}{text(value)}"


COUNTED: Final = matcher("result", "!~", any_of((GONE, *OWN_MISTAKES)))
"""Requests that say something about whether users are served."""
MISSED: Final = matcher("result", "!~", any_of((OK, GONE, *OWN_MISTAKES)))
"""Of these, those that got no whole answer."""


def requests(*matchers: str) -> str:
    """The counter of requests."""
    return f"{metrics.REQUESTS.name}{{{','.join(each for each in matchers if each)}}}"


def routes(names: Iterable[str]) -> str:
    """A matcher of routes; empty: all of them."""
    told = tuple(names)
    return matcher("route", "=~", any_of(told)) if told else ""
