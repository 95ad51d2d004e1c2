"""The content of messages and of tools' results, as parts of chat messages.

Sources: OpenAI's API reference, "Create a model response" (input) and "Create chat completion".
"""

from typing import Any

from halfopen.providers.clients.responses.notes import STORED, Notes, word
from halfopen.providers.clients.responses.request import missing, wrong_type

Part = dict[str, Any]
_DETAILS = ("auto", "low", "high")


def parts_of(content: Any, where: str, notes: Notes) -> list[Part]:
    """The parts of a message's content, which may be plain text.

    Args:
        content: What the client sent.
        where: Its path in the request, for the words of a fault.
        notes: Takes what can't be translated.
    """
    if isinstance(content, str):
        return [_text(content)]
    if not isinstance(content, list):
        notes.fail(wrong_type(where, "one of a string or array of objects", content))
        return []
    parts = []
    for index, part in enumerate(content):
        here = f"{where}[{index}]"
        if not isinstance(part, dict):
            notes.fail(wrong_type(here, "an object", part))
            continue
        made = _part(part, here, notes)
        if made is not None:
            parts.append(made)
    return parts


def is_text(part: Part) -> bool:
    """Whether a part is nothing but text."""
    return bool(part["type"] == "text")


def joined_text(parts: list[Part]) -> str:
    """The text of all the parts that are text."""
    return "".join(part["text"] for part in parts if is_text(part))


def _text(text: str) -> Part:
    return {"type": "text", "text": text}


def _part(part: dict[str, Any], where: str, notes: Notes) -> Part | None:
    kind = part.get("type")
    if kind in ("input_text", "output_text"):
        text = part.get("text")
        if isinstance(text, str):
            return _text(text)
        notes.fail(_bad_field(f"{where}.text", text))
        return None
    if kind == "refusal":
        refusal = part.get("refusal")
        if isinstance(refusal, str):
            return {"type": "refusal", "refusal": refusal}
        notes.fail(_bad_field(f"{where}.refusal", refusal))
        return None
    if kind == "input_image":
        return _image(part, where, notes)
    if kind == "input_file":
        return _file(part, notes)
    if kind == "input_audio" and isinstance(part.get("input_audio"), dict):
        return {"type": "input_audio", "input_audio": part["input_audio"]}
    if kind is None:
        notes.fail(missing(f"{where}.type"))
    else:
        notes.only_native(f"content of type {word(kind)} is OpenAI's own")
    return None


def _bad_field(where: str, value: Any) -> Any:
    return missing(where) if value is None else wrong_type(where, "a string", value)


def _image(part: dict[str, Any], where: str, notes: Notes) -> Part | None:
    url = part.get("image_url")
    if part.get("file_id") is not None:
        notes.only_native(STORED)
        return None
    if not isinstance(url, str):
        notes.fail(_bad_field(f"{where}.image_url", url))
        return None
    image: dict[str, Any] = {"url": url}
    detail = part.get("detail")
    if detail in _DETAILS:
        image["detail"] = detail
    elif detail is not None:
        notes.drop("no image detail " + word(detail))
    return {"type": "image_url", "image_url": image}


def _file(part: dict[str, Any], notes: Notes) -> Part | None:
    data = part.get("file_data")
    if not isinstance(data, str):
        # A file by id is stored there; one by URL is fetched by OpenAI's servers.
        notes.only_native(STORED if part.get("file_id") is not None else "files by URL only at OpenAI")
        return None
    file = {"file_data": data}
    if isinstance(part.get("filename"), str):
        file["filename"] = part["filename"]
    return {"type": "file", "file": file}
