"""Unwraps an error: JSON in JSON, JSON in a string, an error in an error, to a bounded depth.

Gateways put an upstream's answer into a message, into `metadata.raw`, or around it as another
error, often with a status of their own. Every layer becomes a `Report`.
"""

from halfopen.errors import prose
from halfopen.errors.details import read_details
from halfopen.errors.json_body import NoJson, decode_json
from halfopen.errors.report import MESSAGE_MAX_CHARS, Report

DEPTH_MAX = 6
REPORTS_MAX = 24
STRING_MAX_CHARS = 64 * 1024

_CHILDREN = (
    "error",
    "errors",
    "detail",
    "details",
    "metadata",
    "raw",
    "innererror",
    "inner_error",
    "cause",
    "body",
    "response",
    "upstream",
    "upstream_error",
    "upstreamResponse",
    "provider_error",
    "original_error",
    "message",
)
_MESSAGES = ("message", "detail", "error_description", "error_message", "msg", "title", "raw")
_STATUSES = ("status_code", "statusCode", "http_status", "status", "code", "upstreamStatus")
_WORDS = ("type", "code", "status", "reason", "error_code", "error_type", "__type")


class Unwrapper:
    """Collects the layers of one error. Made anew for each."""

    def __init__(self, *, trust_text: bool) -> None:
        """Set how far text is believed.

        Args:
            trust_text: Whether an object inside a sentence counts even when no wrapper's prefix
                comes before it. False for a 400: its message may quote what a user wrote.
        """
        self._trust_text = trust_text
        self.reports: list[Report] = []

    def error(self, node: tuple[str, object], whole: object) -> None:
        """Read an error object and what stands beside it.

        Args:
            node: The path of the error object, and the object.
            whole: What it was found in; some put a type, a message or an id beside `error`.
        """
        path, error = node
        self.value(error, path)
        if isinstance(whole, dict) and error is not whole:
            beside = {
                name: item
                for name, item in whole.items()
                if name != "error" and item != "error" and isinstance(item, str | int)
            }
            self.value(beside, "body")

    def value(self, value: object, path: str, depth: int = 0) -> None:
        """Read a JSON value."""
        if depth > DEPTH_MAX or len(self.reports) >= REPORTS_MAX:
            return
        if isinstance(value, dict):
            self._object(value, path, depth)
        elif isinstance(value, list):
            for item in value[:8]:
                self.value(item, path, depth + 1)
        elif isinstance(value, str):
            self.text(value, path, depth)

    def text(self, text: str, path: str, depth: int = 0) -> None:
        """Read a string: prose, JSON, or prose with JSON in it."""
        if depth > DEPTH_MAX or len(self.reports) >= REPORTS_MAX or not text.strip():
            return
        opening = prose.take_apart(text[:STRING_MAX_CHARS])
        words = tuple((f"exception in {path}", name) for name in opening.classes)
        self.reports.append(
            Report(path, opening.rest[:MESSAGE_MAX_CHARS], status=opening.status, words=words)
        )
        inner = opening.rest
        start = min((at for at in (inner.find("{"), inner.find("[")) if at >= 0), default=-1)
        if start < 0 or not (start == 0 or opening.wrapped or self._trust_text):
            return
        candidate = inner[start:].strip()
        decoded = decode_json(candidate)
        if isinstance(decoded, NoJson):
            end = max(candidate.rfind("}"), candidate.rfind("]")) + 1
            decoded = decode_json(candidate[:end]) if 0 < end < len(candidate) else decoded
        if isinstance(decoded, dict | list):
            self.value(decoded, f"JSON in {path}", depth + 1)
        else:
            self._tokens(candidate, path)

    def _tokens(self, text: str, path: str) -> None:
        """A Python dict, or JSON that breaks off: its identifiers can still be seen."""
        found = prose.tokens(text)
        if not found:
            return
        statuses = [int(word) for _, word in found if word.isascii() and word.isdigit() and len(word) == 3]
        self.reports.append(
            Report(
                f"text in {path}",
                prose.inner_message(text)[:MESSAGE_MAX_CHARS],
                type=next((word for name, word in found if name == "type"), None),
                code=next((word for name, word in found if name == "code"), None),
                status=next((status for status in statuses if 100 <= status <= 599), None),
                words=tuple((f"{name} inside {path}", word) for name, word in found),
            )
        )

    def _object(self, value: dict[object, object], path: str, depth: int) -> None:
        words = [
            (f"{path}.{name}", word) for name in _WORDS if isinstance(word := value.get(name), str) and word
        ]
        details = read_details(value)
        words.extend(details.words)
        message: str = next(
            (text for name in _MESSAGES if isinstance(text := value.get(name), str) and text), ""
        )
        opening = prose.take_apart(message)
        if opening.wrapped:
            words.extend((f"exception in {path}.message", name) for name in opening.classes)
        report = Report(
            path,
            message[:MESSAGE_MAX_CHARS],
            type=_text(value.get("type"))
            or (status if isinstance(status := value.get("status"), str) else None),
            code=_text(value.get("code")),
            param=_text(value.get("param")),
            status=_status(value) or opening.status,
            words=tuple(words),
            delay_s=details.delay_s,
            quota_ids=details.quota_ids,
            request_id=_text(value.get("request_id")),
        )
        if message or words or report.status is not None or report.request_id:
            self.reports.append(report)
        for name in _CHILDREN:
            child = value.get(name)
            if isinstance(child, dict) or (isinstance(child, list) and name != "details"):
                self.value(child, f"{path}.{name}", depth + 1)
            elif isinstance(child, str) and ("{" in child or (child is not message and name != "message")):
                self.text(child, f"{path}.{name}", depth + 1)


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value[:200] or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)[:20]
    return None


def _status(value: dict[object, object]) -> int | None:
    for name in _STATUSES:
        number = value.get(name)
        if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) == 3:
            number = int(number)
        if isinstance(number, int) and not isinstance(number, bool) and 100 <= number <= 599:
            return number
    return None
