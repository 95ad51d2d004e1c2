"""Images, audio and files of a Gemini request as parts of an OpenAI message.

The official client writes bytes in the URL-safe alphabet of base64, which no data URL may have: such
data is put into the standard alphabet.
"""

from collections.abc import Mapping
from typing import Any

from halfopen.providers.clients.generate.losses import Losses
from halfopen.providers.clients.generate.proto_json import BadRequestError, message_at, text_at

Part = dict[str, Any]

_STANDARD = str.maketrans("-_", "+/")
_AUDIO: Mapping[str, str] = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/mp3": "mp3",
    "audio/mpeg": "mp3",
}
_DETAILS: Mapping[str, str] = {
    "MEDIA_RESOLUTION_LOW": "low",
    "MEDIA_RESOLUTION_HIGH": "high",
    "MEDIA_RESOLUTION_ULTRA_HIGH": "high",
}
_GOOGLE = ("https://generativelanguage.googleapis.com/", "gs://")


def inline_part(blob: Any, where: str, losses: Losses) -> Part | None:
    """Translate inlineData. None: only Gemini can take it, which is noted. Raises BadRequestError."""
    fields = message_at(blob, where)
    mime = text_at(fields.get("mimeType"), f"{where}.mimeType").lower().strip()
    data = standard_base64(text_at(fields.get("data"), f"{where}.data"))
    if not data:
        raise BadRequestError(f"{where}.data is empty.", f"{where}.data")
    kind = mime.partition(";")[0]
    if kind.startswith("image/"):
        return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{data}"}}
    if kind in _AUDIO:
        return {"type": "input_audio", "input_audio": {"data": data, "format": _AUDIO[kind]}}
    if kind == "application/pdf" or kind.startswith("text/"):
        name = fields.get("displayName")
        filename = name if isinstance(name, str) and name else f"file.{_extension(kind)}"
        return {"type": "file", "file": {"filename": filename, "file_data": f"data:{kind};base64,{data}"}}
    losses.only_native(f"media of type {mime[:40]}")
    return None


def stored_part(file: Any, where: str, losses: Losses) -> Part | None:
    """Translate fileData. Only images have an address that every vendor fetches."""
    fields = message_at(file, where)
    uri = text_at(fields.get("fileUri"), f"{where}.fileUri")
    mime = fields.get("mimeType")
    if uri.startswith(_GOOGLE):
        losses.only_native("files stored at Google")
        return None
    if isinstance(mime, str) and mime.lower().startswith("image/"):
        return {"type": "image_url", "image_url": {"url": uri}}
    losses.only_native("files by their address")
    return None


def with_detail(part: Part, resolution: Any) -> Part:
    """An image with the resolution that the part asks for, where OpenAI has a word for it."""
    level = resolution.get("level") if isinstance(resolution, dict) else resolution
    detail = _DETAILS.get(level) if isinstance(level, str) else None
    if detail is None or part["type"] != "image_url":
        return part
    return {**part, "image_url": {**part["image_url"], "detail": detail}}


def standard_base64(data: str) -> str:
    """Base64 in the standard alphabet and with its padding."""
    plain = data.strip().translate(_STANDARD).rstrip("=")
    return plain + "=" * (-len(plain) % 4)


def _extension(mime: str) -> str:
    return "pdf" if mime == "application/pdf" else "txt"
