"""Content parts of a message: text, images and files as Anthropic's blocks.

Rules
1. Anthropic refuses text blocks that are empty or only whitespace. Such text is joined to the text
   before it, and left out when there is none: nothing that a model could read is lost.
2. An image is inline (JPEG, PNG, GIF or WebP as base64) or an https URL.
3. A file is inline: a PDF, or plain text.

Source: Anthropic's reference of the Messages API, content blocks.
"""

import base64
import binascii
from typing import Any

from halfopen.providers.anthropic.translation_error import TranslationError
from halfopen.providers.data_url import split_data_url

Block = dict[str, Any]

_IMAGE_TYPES = frozenset(("image/jpeg", "image/png", "image/gif", "image/webp"))


def text_of(content: object, where: str) -> str:
    """The text of content that may hold nothing else."""
    return "".join(block["text"] for block in blocks_of(content, where, only_text=True))


def blocks_of(content: object, where: str, *, only_text: bool = False) -> list[Block]:
    """Translate a message's content.

    Args:
        content: A string, a list of parts, or None.
        where: The message's place in the request, for the reason.
        only_text: Refuse all but text, as for a system message.

    Raises:
        TranslationError: It has a part that Anthropic can't take.
    """
    if content is None:
        return []
    if isinstance(content, str):
        return [text_block(content)] if content.strip() else []
    if not isinstance(content, list):
        raise TranslationError(f"{where}.content is neither text nor a list of parts")
    blocks: list[Block] = []
    for index, part in enumerate(content):
        _add(blocks, _block(part, f"{where}.content[{index}]"))
    if only_text and any(block["type"] != "text" for block in blocks):
        raise TranslationError(f"{where} may hold text only")
    return blocks


def text_block(text: str) -> Block:
    """A block of text."""
    return {"type": "text", "text": text}


def _add(blocks: list[Block], block: Block) -> None:
    if block["type"] != "text" or block["text"].strip():
        blocks.append(block)
    elif blocks and blocks[-1]["type"] == "text":
        blocks[-1] = text_block(blocks[-1]["text"] + block["text"])


def _block(part: object, where: str) -> Block:
    if isinstance(part, str):
        return text_block(part)
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or not isinstance(kind, str):
        raise TranslationError(f"{where} is no content part")
    if kind in ("text", "refusal"):
        text = part.get(kind)
        if not isinstance(text, str):
            raise TranslationError(f"{where}.{kind} is no text")
        return text_block(text)
    if kind == "image_url":
        return {"type": "image", "source": _image_source(part.get("image_url"), where)}
    if kind == "file":
        return _document(part.get("file"), where)
    if kind == "input_audio":
        raise TranslationError("no audio")
    raise TranslationError(f"no content part of type {kind!r} ({where})")


def _image_source(image: object, where: str) -> dict[str, str]:
    url = image.get("url") if isinstance(image, dict) else image
    if not isinstance(url, str):
        raise TranslationError(f"{where} has no image URL")
    if url[:5].lower() != "data:":
        if url[:8].lower() != "https://":
            raise TranslationError("images by https URL or inline only")
        return {"type": "url", "url": url}
    media_type, data = _data_url(url, where)
    media_type = "image/jpeg" if media_type == "image/jpg" else media_type
    if media_type not in _IMAGE_TYPES:
        raise TranslationError(f"no images of type {media_type or 'unknown'!r}")
    return {"type": "base64", "media_type": media_type, "data": data}


def _document(file: object, where: str) -> Block:
    data = file.get("file_data") if isinstance(file, dict) else None
    if not isinstance(file, dict) or not isinstance(data, str):
        raise TranslationError("no files by id, only inline")
    name = file.get("filename")
    name = name if isinstance(name, str) else ""
    if data[:5].lower() == "data:":
        media_type, data = _data_url(data, where)
    else:
        media_type = "text/plain" if name.lower().endswith(".txt") else "application/pdf"
    if media_type == "application/pdf":
        source = {"type": "base64", "media_type": media_type, "data": data}
    elif media_type == "text/plain":
        source = {"type": "text", "media_type": media_type, "data": _plain_text(data, where)}
    else:
        raise TranslationError(f"no files of type {media_type or 'unknown'!r}, only PDF and plain text")
    block: Block = {"type": "document", "source": source}
    if name.strip():
        block["title"] = name
    return block


def _data_url(url: str, where: str) -> tuple[str, str]:
    """The media type of a `data:` URL, and its data as base64."""
    split = split_data_url(url)
    if split is None:
        raise TranslationError(f"{where} has a malformed data URL")
    return split


def _plain_text(data: str, where: str) -> str:
    try:
        text = base64.b64decode(data, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise TranslationError(f"{where} is no UTF-8 text in base64") from None
    if not text.strip():
        raise TranslationError(f"{where} is an empty file")
    return text
