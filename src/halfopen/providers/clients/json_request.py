"""The body of a request in one of OpenAI's smaller dialects: a JSON object, read into its raw fields.

What passes can be decoded in full without an error: its text is valid UTF-8 and its nesting is bounded.
"""

import msgspec

from halfopen.model import Fault
from halfopen.providers.ask import plain_value
from halfopen.providers.json_body import bad, is_too_deep, not_json, not_utf8, too_deep

Fields = dict[str, msgspec.Raw]
_FIELDS = msgspec.json.Decoder(Fields)


def read_fields(body: bytes, wants: str) -> Fields | Fault:
    """Decode a request's body as deep as its top-level fields.

    Args:
        body: The body as the client sent it, already decompressed.
        wants: What the object must hold, for the words of a fault: "model and prompt".

    Returns:
        The fields as raw JSON, or a Fault (verdict FIX_REQUEST) that says what is wrong.
    """
    try:
        fields = _FIELDS.decode(body)
        if not body.isascii():
            body.decode()  # the decoder does not look into text that it skips
    except msgspec.ValidationError:
        return bad(f"The request body must be a JSON object with {wants}.")
    except UnicodeDecodeError:
        return not_utf8(body)
    except msgspec.DecodeError as problem:
        return not_json(body, str(problem), wants)
    except RecursionError:
        return too_deep()
    return too_deep() if is_too_deep(body) else fields


def read_model(fields: Fields) -> str | Fault:
    """The name of the model that a request asks for."""
    model = plain_value(fields["model"]) if "model" in fields else None
    if model is None:
        return bad("model is missing: send the name of a model.", "model")
    if not isinstance(model, str):
        return bad("model must be a string.", "model")
    return model or bad("model is empty: send the name of a model.", "model")


def read_stream(fields: Fields) -> bool | Fault:
    """Whether a request asks for a stream."""
    stream = plain_value(fields["stream"]) if "stream" in fields else None
    if stream is None or isinstance(stream, bool):
        return stream is True
    return bad("stream must be true or false.", "stream")
