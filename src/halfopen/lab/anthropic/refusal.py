"""Anthropic's errors, in its own words."""

import msgspec

from halfopen.lab.shape import Mismatch, Path, Reason, type_name

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_WORDS = {"array": "list", "object": "dictionary", "decimal": "number"}


class Refusal(Exception):  # noqa: N818 - an answer, not a failure of ours
    """A request that Anthropic would refuse."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        """The error's type follows from the status."""
        super().__init__(message)
        self.message = message
        self.status = status


def type_of(status: int) -> str:
    """The error type that Anthropic gives with a status."""
    return _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")


def error_body(message: str, type_: str, request_id: str, details: object = None) -> bytes:
    """Anthropic's error object as it stands in a response body."""
    error: dict[str, object] = {"type": type_, "message": message}
    if details is not None:
        error["details"] = details
    return msgspec.json.encode({"type": "error", "error": error, "request_id": f"req_{request_id}"})


def place_of(path: Path) -> str:
    """A path in Anthropic's notation: `messages.0.content`."""
    return ".".join(str(step) for step in path)


def worded(problem: Mismatch) -> Refusal:
    """A mismatch in Anthropic's words."""
    place = place_of(problem.path)
    reason, expected = problem.reason, problem.expected
    if reason is Reason.MISSING:
        return Refusal(f"{place}: Field required")
    if reason is Reason.UNKNOWN:
        return Refusal(f"{place}: Extra inputs are not permitted")
    if reason is Reason.TYPE:
        name = str(expected).split(" or ", maxsplit=1)[0]
        return Refusal(f"{place}: Input should be a valid {_WORDS.get(name, name)}")
    if reason is Reason.CHOICE:
        listed = [f"'{each}'" for each in expected]
        if problem.path[-1] == "type":
            parent = place_of(problem.path[:-1])
            return Refusal(
                f"{parent}: Input tag '{problem.got}' found using 'type' does not match any of the expected "
                f"tags: {', '.join(listed)}"
            )
        return Refusal(f"{place}: Input should be {', '.join(listed[:-1])} or {listed[-1]}")
    if reason is Reason.EMPTY:
        return Refusal(f"{place}: at least one {place.rsplit('.', 1)[-1].rstrip('s')} is required")
    if reason is Reason.TOO_LONG:
        return Refusal(f"{place}: List should have at most {expected} items after validation")
    word = "less" if reason is Reason.ABOVE else "greater"
    if type_name(problem.got) == "decimal" or isinstance(expected, float):
        return Refusal(f"{place}: range: 0..1")
    return Refusal(f"{place}: Input should be {word} than or equal to {expected}")
