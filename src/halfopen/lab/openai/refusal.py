"""OpenAI's errors, in its own words."""

from collections.abc import Callable
from typing import Any

import msgspec

from halfopen.lab.exchange import Headers, LabAnswer
from halfopen.lab.shape import Mismatch, Path, Reason, type_name

BAD_JSON = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP "
    "library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you "
    "have trouble figuring out how to fix this, please contact us through our help center at "
    "help.openai.com.)"
)
NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer "
    "auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're "
    "accessing the API from your browser and are prompted for a username and password. You can obtain an API "
    "key from https://platform.openai.com/account/api-keys."
)
_TYPES = {401: "invalid_request_error", 403: "invalid_request_error", 429: "requests"}


class Refusal(Exception):  # noqa: N818 - an answer, not a failure of ours
    """A request that OpenAI would refuse."""

    def __init__(
        self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None
    ) -> None:
        """The type is `invalid_request_error`, as for all that is wrong with a request."""
        super().__init__(message)
        self.message = message
        self.status = status
        self.param = param
        self.code = code


def error_body(message: str, type_: str, code: str | None = None, param: str | None = None) -> bytes:
    """OpenAI's error object as it stands in a response body."""
    error = {"message": message, "type": type_, "param": param, "code": code}
    return msgspec.json.format(msgspec.json.encode({"error": error}), indent=2)


def error_answer(status: int, body: bytes, headers: Headers) -> LabAnswer:
    """An error response."""
    return LabAnswer(status, (("content-type", "application/json"), *headers), body)


def type_of(status: int) -> str:
    """The error type that OpenAI gives with a status."""
    return "server_error" if status >= 500 else _TYPES.get(status, "invalid_request_error")


def masked_key(key: str) -> str:
    """A key as OpenAI repeats it in an error."""
    return key if len(key) <= 8 else f"{key[:8]}{'*' * (len(key) - 12)}{key[-4:]}"


def place_of(path: Path) -> str:
    """A path in OpenAI's notation: `messages[0].content`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


Wording = Callable[[Mismatch], Refusal]
"""Puts a mismatch into the words of an endpoint."""


def worded(problem: Mismatch) -> Refusal:
    """A mismatch in OpenAI's words."""
    place = place_of(problem.path)
    if problem.reason is Reason.MISSING:
        if place == "model":
            return Refusal("you must provide a model parameter")
        return Refusal(
            f"Missing required parameter: '{place}'.", param=place, code="missing_required_parameter"
        )
    if problem.reason is Reason.UNKNOWN:
        if len(problem.path) == 1:
            return Refusal(f"Unrecognized request argument supplied: {place}")
        return Refusal(f"Unknown parameter: '{place}'.", param=place, code="unknown_parameter")
    if problem.reason is Reason.TYPE:
        wanted = " or ".join(_article(name) for name in str(problem.expected).split(" or "))
        wanted = f"one of {wanted}" if " or " in wanted else wanted
        got = _article(type_name(problem.got))
        return Refusal(
            f"Invalid type for '{place}': expected {wanted}, but got {got} instead.",
            param=place,
            code="invalid_type",
        )
    if problem.reason is Reason.CHOICE:
        *most, last = [f"'{name}'" for name in problem.expected]
        listed = f"{', '.join(most)}, and {last}" if len(most) > 1 else " and ".join([*most, last])
        return Refusal(
            f"Invalid value: '{problem.got}'. Supported values are: {listed}.",
            param=place,
            code="invalid_value",
        )
    return _bound(problem, place)


def _bound(problem: Mismatch, place: str) -> Refusal:
    got: Any = problem.got
    if problem.reason is Reason.EMPTY:
        return Refusal(
            f"Invalid '{place}': empty array. Expected an array with minimum length {problem.expected}, "
            "but got an empty array instead.",
            param=place,
            code="empty_array",
        )
    if problem.reason is Reason.TOO_LONG:
        return Refusal(
            f"Invalid '{place}': array too long. Expected an array with maximum length {problem.expected}, "
            f"but got an array with length {len(got)} instead.",
            param=place,
            code="array_above_max_length",
        )
    kind = "integer" if isinstance(got, int) and isinstance(problem.expected, int) else "decimal"
    above = problem.reason is Reason.ABOVE
    sign, bound = ("<=", "maximum") if above else (">=", "minimum")
    return Refusal(
        f"Invalid '{place}': {kind} {'above' if above else 'below'} {bound} value. "
        f"Expected a value {sign} {problem.expected:g}, but got {got} instead.",
        param=place,
        code=f"{kind}_{'above_max' if above else 'below_min'}_value",
    )


def _article(name: str) -> str:
    return "null" if name == "null" else f"an {name}" if name[0] in "aeio" else f"a {name}"
