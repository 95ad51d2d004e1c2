"""Whether a reply with a good status is an answer at all."""

from halfopen.errors.finding import Finding, Weight
from halfopen.errors.html import looks_like_html, title_of
from halfopen.errors.json_body import NoJson
from halfopen.model import Kind, Place

_TEXT = ("content", "refusal", "reasoning", "reasoning_content", "tool_calls", "function_call", "audio")
_ANSWERS = ("choices", "candidates", "content", "output", "data", "message", "response")


def read_body(text: str, value: object | NoJson) -> Finding | None:
    """Return why a 2xx body is no answer; None: nothing is wrong that its shape shows.

    Error objects are found elsewhere (`error_node`).
    """
    if not text.strip():
        return Finding(Kind.EMPTY_ANSWER, Weight.CODE, "body is empty")
    if value is NoJson.TRUNCATED:
        return Finding(Kind.CUT_BODY, Weight.CODE, "body is JSON that breaks off")
    if value is NoJson.OTHER:
        if looks_like_html(text):
            title = title_of(text)
            named = f' titled "{title}"' if title else ""
            return Finding(Kind.NOT_JSON, Weight.CODE, f"body is HTML{named}")
        return Finding(Kind.NOT_JSON, Weight.CODE, "body is not JSON", place=Place.PROVIDER)
    if isinstance(value, dict):
        return _object(value)
    if isinstance(value, list):
        return None if value else Finding(Kind.EMPTY_ANSWER, Weight.CODE, "body is an empty list")
    return Finding(Kind.MALFORMED_ANSWER, Weight.CODE, "body is a bare JSON value, not an object")


def error_node(value: object) -> tuple[str, object] | None:
    """Return the error that a decoded body or event carries, with its path; None: none.

    Only the places where a provider puts errors are looked at, so that an answer about errors, or a
    tool call with an argument named `error`, is none.
    """
    if isinstance(value, list):
        found = (error_node(item) for item in value[:8] if isinstance(item, dict))
        return next((node for node in found if node is not None), None)
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    if error or (error == {} and not any(name in value for name in _ANSWERS)):
        return "error", value if isinstance(error, bool | int | float) else error
    if value.get("type") == "error" or value.get("object") == "error":
        return "body", value
    response = value.get("response")
    if isinstance(response, dict) and isinstance(response.get("error"), dict):
        return "response.error", response["error"]
    choices = value.get("choices")
    for choice in choices[:8] if isinstance(choices, list) else ():
        if isinstance(choice, dict) and isinstance(choice.get("error"), dict):
            return "choices.error", choice["error"]
    return None


def blocked(value: object) -> Finding | None:
    """Return a finding when Gemini blocked the prompt, which it says with a 200."""
    feedback = value.get("promptFeedback") if isinstance(value, dict) else None
    reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
    if isinstance(reason, str) and reason:
        fact = f"promptFeedback.blockReason = {reason[:80]}"
        return Finding(Kind.CONTENT_FILTERED, Weight.CODE, fact)
    return None


def _object(value: dict[object, object]) -> Finding | None:
    if (finding := blocked(value)) is not None:
        return finding
    for name in ("choices", "candidates"):
        if name in value:
            items = value[name]
            if not items:
                return Finding(Kind.EMPTY_ANSWER, Weight.CODE, f"{name} is empty")
            if isinstance(items, list) and all(_finished_empty(item) for item in items[:16]):
                return Finding(Kind.EMPTY_ANSWER, Weight.CODE, "finish reason without any content")
            return None
    if value.get("object") == "chat.completion":
        return Finding(Kind.EMPTY_ANSWER, Weight.CODE, "a chat.completion without choices")
    if "usageMetadata" in value or "modelVersion" in value:
        return Finding(Kind.EMPTY_ANSWER, Weight.CODE, "no candidates")
    if value.get("type") == "message" and value.get("role") == "assistant" and not value.get("content"):
        return Finding(Kind.EMPTY_ANSWER, Weight.CODE, "content is empty")
    if not value:
        return Finding(Kind.EMPTY_ANSWER, Weight.CODE, "body is an empty object")
    return None


def _finished_empty(item: object) -> bool:
    """Whether a choice or candidate stopped by itself with nothing in it."""
    if not isinstance(item, dict):
        return False
    if item.get("finishReason") == "STOP":
        content = item.get("content")
        return not (isinstance(content, dict) and content.get("parts"))
    if item.get("finish_reason") != "stop" or "text" in item:
        return False
    message = item.get("message")
    if message is None:
        return "delta" not in item
    return isinstance(message, dict) and not any(message.get(name) for name in _TEXT)
