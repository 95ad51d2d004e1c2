"""A client's request (`POST /v1/responses`): read, and refused in OpenAI's words when it is none.

Its model and stream are not read by `json_request`, whose words for what is wrong are our own: clients
of this API look at OpenAI's codes.
"""

from collections.abc import Mapping
from typing import Any

from halfopen import errors
from halfopen.model import Fault, Kind
from halfopen.providers.ask import Ask
from halfopen.providers.client import ClientRequest
from halfopen.providers.clients.json_request import read_fields
from halfopen.providers.clients.responses.ids import is_ours, is_reference, is_reference_to_our_reasoning

_KINDS: Mapping[type, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a decimal",
    str: "a string",
    list: "an array",
    dict: "an object",
    type(None): "null",
}
_STATE = ("previous_response_id", "conversation", "prompt")
"""Fields that stand in for an input: what they name holds one."""


def read_request(request: ClientRequest) -> Ask | Fault:
    """Read a request as far as every target needs it.

    Returns:
        The request, or a Fault (verdict FIX_REQUEST) that says what is wrong, and where.
    """
    fields = read_fields(request.body, "model and input")
    if isinstance(fields, Fault):
        return fields
    bare = Ask(request.body, "", stream=False)
    model, stream = bare.value("model"), bare.value("stream")
    if model is None:
        return missing("model")
    if not isinstance(model, str):
        return wrong_type("model", "a string", model)
    if not model:
        return refused(
            "Invalid 'model': empty string. Expected the name of a model.", "model", "empty_string"
        )
    if stream is not None and not isinstance(stream, bool):
        return wrong_type("stream", "a boolean", stream)
    ask = Ask(request.body, model, stream is True)
    return _unanswerable(ask) or ask


def _unanswerable(ask: Ask) -> Fault | None:
    """What no target can answer: a request without any input, or about a response that nobody kept."""
    previous = ask.value("previous_response_id")
    if is_ours(previous):
        return refused(
            f"Previous response with id '{previous}' not found: another provider than OpenAI answered it, "
            "and such answers are not stored. Send its output items as input instead.",
            "previous_response_id",
            "previous_response_not_found",
        )
    given = ask.value("input")
    if isinstance(given, list) and b"_halfopen_" in bytes(ask.fields["input"]):
        fault = _bad_reference(given)
        if fault is not None:
            return fault
    if given is None:
        return None if any(ask.value(name) is not None for name in _STATE) else missing("input")
    if not isinstance(given, str | list):
        return wrong_type("input", "one of a string or array of input items", given)
    if given == [] and not any(ask.value(name) is not None for name in _STATE):
        return refused(
            "Invalid 'input': empty array. Expected at least one input item.", "input", "empty_array"
        )
    return None


def _bad_reference(items: list[Any]) -> Fault | None:
    """What is wrong with a reference to an item that we made; reasoning can be done without."""
    for index, item in enumerate(items):
        if is_reference(item) and is_ours(item.get("id")) and not is_reference_to_our_reasoning(item):
            return refused(
                f"Item with id '{item['id'][:80]}' not found: another provider than OpenAI made it, and such "
                "items are not stored. Send the whole item instead of its id: most clients do so when store "
                "is false.",
                f"input[{index}].id",
                "item_not_found",
            )
    return None


def refused(message: str, param: str | None = None, code: str = "invalid_value") -> Fault:
    """The fault of a request that can't be right for any target."""
    return errors.make(Kind.INVALID_REQUEST, message, type="invalid_request_error", param=param, code=code)


def missing(param: str) -> Fault:
    """A field that must be there is not."""
    return refused(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")


def wrong_type(param: str, expected: str, got: Any) -> Fault:
    """A field is of another type than it must be."""
    kind = _KINDS.get(type(got), "something else")
    return refused(
        f"Invalid type for '{param}': expected {expected}, but got {kind} instead.", param, "invalid_type"
    )


def wrong_value(param: str, got: str, supported: tuple[str, ...]) -> Fault:
    """A field has none of the values that there are."""
    names = [f"'{name}'" for name in supported]
    listed = f"{', '.join(names[:-1])}, and {names[-1]}" if len(names) > 1 else names[0]
    return refused(f"Invalid value: '{got[:80]}'. Supported values are: {listed}.", param)
