"""In which format `/metrics` is told, by the Accept of who asks.

Source: RFC 9110, section 12.5.1. A type that is named goes before `text/*`, and that before `*/*`.
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final


class Form(Enum):
    """By its content type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


_RANGES: Final[Mapping[Form, tuple[str, ...]]] = {
    Form.TEXT: ("text/plain", "text/*", "*/*"),
    Form.OPENMETRICS: ("application/openmetrics-text",),
}
"""From the narrowest to the widest. Who takes anything is told the older format, which everybody reads."""
_VERSIONS: Final[Mapping[Form, str]] = {Form.TEXT: "0.0.4", Form.OPENMETRICS: "1.0.0"}


def form_of(accept: Iterable[str]) -> Form:
    """OpenMetrics if that is asked for by name and nothing is liked better, else the text format.

    Args:
        accept: The values of the header, of which there may be several or none.
    """
    ranges = [_range(each) for value in accept for each in value.split(",")]
    openly, plainly = _weight(Form.OPENMETRICS, ranges), _weight(Form.TEXT, ranges)
    return Form.OPENMETRICS if openly > 0 and openly >= plainly else Form.TEXT


def _weight(form: Form, ranges: list[tuple[str, str, float]]) -> float:
    for wanted in _RANGES[form]:
        found = [q for name, version, q in ranges if name == wanted and version in ("", _VERSIONS[form])]
        if found:
            return max(found)
    return 0.0


def _range(text: str) -> tuple[str, str, float]:
    """Type, version and weight. One that can't be read weighs nothing."""
    name, *parameters = text.split(";")
    known = {
        key.strip().lower(): value.strip(' "') for key, _, value in (p.partition("=") for p in parameters)
    }
    try:
        weight = float(known.get("q", "1"))
    except ValueError:
        weight = 0.0
    return name.strip().lower(), known.get("version", ""), weight if 0 <= weight <= 1 else 0.0
