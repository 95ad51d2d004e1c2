"""Images, audio and files of a message, as Gemini's inlineData and fileData.

Sources: ai.google.dev/gemini-api/docs/{image-understanding,audio,file-input-methods}.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from halfopen.providers.data_url import split_data_url
from halfopen.providers.gemini.generation import Generation
from halfopen.providers.gemini.untranslatable import UntranslatableError

_INLINE_IMAGES = frozenset(("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"))
_ALIASES: Mapping[str, str] = MappingProxyType({"image/jpg": "image/jpeg"})
_URL_IMAGES: Mapping[str, str] = MappingProxyType(
    {
        "png": "image/png",
        "jpg": "image/jpeg",
        "jpeg": "image/jpeg",
        "webp": "image/webp",
        "bmp": "image/bmp",
    }
)
_AUDIO: Mapping[str, str] = MappingProxyType({"wav": "audio/wav", "mp3": "audio/mp3"})
_FILES_API = "https://generativelanguage.googleapis.com/"

Part = dict[str, Any]


def image_part(part: Mapping[str, Any], generation: Generation) -> Part:
    """Translate an `image_url` part.

    `detail` has no counterpart that all models take, so the model's own resolution applies.

    Raises:
        UntranslatableError: Gemini can't take this image.
    """
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    if not isinstance(url, str) or not url:
        raise UntranslatableError("an image without a URL")
    if url[:5].lower() == "data:":
        mime, data = _data_url(url)
        if mime not in _INLINE_IMAGES:
            raise UntranslatableError(f"images of type {mime or 'unknown'}")
        return _inline(mime, data)
    if url.startswith((_FILES_API, "gs://")):
        return {"fileData": {"fileUri": url}}
    if not url[:8].lower() == "https://":
        raise UntranslatableError("image URLs other than https")
    if not generation.external_urls:
        raise UntranslatableError("images only inline, not by URL")
    return {"fileData": {"mimeType": _type_by_name(url), "fileUri": url}}


def audio_part(part: Mapping[str, Any]) -> Part:
    """Translate an `input_audio` part. Raises UntranslatableError."""
    audio = part.get("input_audio")
    data = audio.get("data") if isinstance(audio, dict) else None
    mime = _AUDIO.get(str(audio.get("format"))) if isinstance(audio, dict) else None
    if not isinstance(data, str) or mime is None:
        raise UntranslatableError("audio other than wav and mp3")
    return _inline(mime, data)


def file_part(part: Mapping[str, Any]) -> Part:
    """Translate a `file` part with its data inside. Raises UntranslatableError."""
    file = part.get("file")
    data = file.get("file_data") if isinstance(file, dict) else None
    if not isinstance(data, str) or data[:5].lower() != "data:":
        raise UntranslatableError("files by their OpenAI id")
    mime, payload = _data_url(data)
    if mime != "application/pdf" and not mime.startswith("text/"):
        raise UntranslatableError(f"files of type {mime or 'unknown'}")
    return _inline(mime, payload)


def _inline(mime: str, data: str) -> Part:
    return {"inlineData": {"mimeType": mime, "data": data}}


def _data_url(url: str) -> tuple[str, str]:
    """Return the media type and the base64 data of a data: URL (RFC 2397)."""
    split = split_data_url(url)
    if split is None:
        raise UntranslatableError("a data: URL without data")
    mime, data = split
    return _ALIASES.get(mime, mime), data


def _type_by_name(url: str) -> str:
    """Tell an image's type by its name: Gemini wants it, and fetching the image would be I/O."""
    try:
        path = urlsplit(url).path
    except ValueError:
        raise UntranslatableError("a malformed image URL") from None
    mime = _URL_IMAGES.get(path.rpartition(".")[2].lower())
    if mime is None:
        raise UntranslatableError("an image URL whose name doesn't tell the type")
    return mime
