"""Data URLs (RFC 2397): media inside a request."""

import base64
from urllib.parse import unquote_to_bytes


def split_data_url(url: str) -> tuple[str, str] | None:
    """The media type of a `data:` URL in lower case, and its data as base64; None: it is malformed."""
    head, comma, data = url[5:].partition(",")
    if not comma:
        return None
    media_type, *attributes = (each.strip().lower() for each in head.split(";"))
    if "base64" in attributes:
        return media_type, data.strip()
    return media_type, base64.b64encode(unquote_to_bytes(data)).decode("ascii")
