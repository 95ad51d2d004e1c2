"""Gemini's errors, in its own words."""

from collections.abc import Sequence
from typing import Any

import msgspec

from halfopen.lab.shape import Mismatch, Path, Reason

_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
NO_KEY = (
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or "
    "other form of API consumer identity to call this API."
)


class Refusal(Exception):  # noqa: N818 - an answer, not a failure of ours
    """A request that Gemini would refuse."""

    def __init__(self, message: str, *, status: int = 400, details: Sequence[Any] = ()) -> None:
        """The canonical status name follows from the HTTP status."""
        super().__init__(message)
        self.message = message
        self.status = status
        self.details = tuple(details)


def status_of(status: int) -> str:
    """The canonical name that goes with an HTTP status."""
    return _STATUSES.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")


def error_body(status: int, message: str, *, name: str | None = None, details: Sequence[Any] = ()) -> bytes:
    """Gemini's error object as it stands in a response body."""
    error: dict[str, Any] = {"code": status, "message": message, "status": name or status_of(status)}
    if details:
        error["details"] = list(details)
    return msgspec.json.format(msgspec.json.encode({"error": error}), indent=2) + b"\n"


def error_info(reason: str) -> dict[str, Any]:
    """The detail that names a reason, such as API_KEY_INVALID."""
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    }


def place_of(path: Path) -> str:
    """A path in the notation of protocol buffers: `contents[0].parts[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _violation(place: str, text: str) -> dict[str, Any]:
    return {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": place, "description": text}],
    }


def worded(problem: Mismatch) -> Refusal:
    """A mismatch in Gemini's words."""
    place = place_of(problem.path)
    if problem.reason is Reason.UNKNOWN:
        name, parent = problem.path[-1], place_of(problem.path[:-1])
        where = f" at '{parent}'" if parent else ""
        text = f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.'
        return Refusal(text, details=[_violation(parent, text)])
    if problem.reason is Reason.MISSING:
        return Refusal(f"* GenerateContentRequest.{place}: {place} is not specified\n")
    if problem.reason is Reason.EMPTY:
        return Refusal(f"* GenerateContentRequest.{place}: {place} is not specified\n")
    if problem.reason in {Reason.TYPE, Reason.CHOICE}:
        got = msgspec.json.encode(problem.got).decode()[:80]
        wanted = problem.expected if problem.reason is Reason.TYPE else "enum"
        text = f"Invalid value at '{place}' ({wanted}), {got}"
        return Refusal(text, details=[_violation(place, text)])
    if problem.reason is Reason.TOO_LONG:
        return Refusal(
            f"* GenerateContentRequest.{place}: the number of items must not exceed {problem.expected}\n"
        )
    return Refusal(
        f"* GenerateContentRequest.{place}: {problem.path[-1]} must be in the supported range, "
        f"{'at most' if problem.reason is Reason.ABOVE else 'at least'} {problem.expected:g}, "
        f"got {problem.got}\n"
    )
