"""Exact secrets that the configuration holds, wherever they occur and however they are written.

A known secret is looked for as it is, URL-encoded, as it stands inside JSON, and inside base64 at each
of the three offsets that it can have there. A text that was cut may hold only the first or the last
part of it: eight characters at the cut are enough.
"""

import base64
import json
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

from halfopen.redact.mask import MASKED, Mask

WHOLE_MIN_CHARS: Final = 4
"""A shorter secret is not looked for: it would be found in half of all words."""

INSIDE_MIN_CHARS: Final = 8
"""A shorter secret is masked only where no letter or digit touches it."""

PART_MIN_CHARS: Final = 8
"""The least part of a secret that is masked at the edge of a cut text."""

_CUT: Final = re.compile(r"\s{0,2}(?:\.{2,}|…|[\[(<](?:truncated|cut|snip)|\\?[\"']|\Z)")
"""What follows a text that was cut: dots, a remark, a closing quote, or nothing."""

_CUT_BEFORE: Final = re.compile(r"(?:\.{2,}|…|[\"'])?\s{0,2}")


def forms(secrets: Iterable[str]) -> tuple[str, ...]:
    """Every way in which the secrets may be written, longest first."""
    found: set[str] = set()
    for raw in secrets:
        secret = raw.strip()
        if len(secret) >= WHOLE_MIN_CHARS:
            found.update(_forms(secret))
    return tuple(sorted(found, key=lambda form: (-len(form), form)))


def _forms(secret: str) -> set[str]:
    data = secret.encode("utf-8", "surrogatepass")
    found = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    found |= {form.replace("/", "\\/") for form in tuple(found)}
    for encoded in (quote(data, safe=""), quote(data), quote_plus(data)):
        found |= {encoded, re.sub("%[0-9A-F]{2}", lambda escape: escape[0].lower(), encoded)}
    for offset in range(3):
        # The characters that share bits with a neighbour are left out.
        whole = base64.b64encode(bytes(offset) + data).decode().rstrip("=")
        start = (0, 2, 3)[offset]
        end = (len(data) + offset) * 8 // 6
        part = whole[start:end]
        if len(part) >= INSIDE_MIN_CHARS:
            found |= {part, part.replace("+", "-").replace("/", "_")}
    return found


def mask_known(text: str, secrets: tuple[str, ...]) -> str:
    """Mask the forms in the text. Existing masks are left alone."""
    spans: list[tuple[int, int]] = []
    for form in secrets:
        if len(form) < INSIDE_MIN_CHARS:
            if form in text:
                spans += _alone(text, form)
            continue
        if form[:PART_MIN_CHARS] in text:
            spans += _from_the_start(text, form)
        tail = _cut_front(text, form)
        if tail:
            spans.append(tail)
    return _replace(text, spans) if spans else text


def _alone(text: str, form: str) -> list[tuple[int, int]]:
    pattern = rf"(?<![A-Za-z0-9]){re.escape(form)}(?![A-Za-z0-9])"
    return [match.span() for match in re.finditer(pattern, text)]


def _from_the_start(text: str, form: str) -> list[tuple[int, int]]:
    """The whole form anywhere, and its beginning where the text was cut."""
    spans: list[tuple[int, int]] = []
    start = text.find(form[:PART_MIN_CHARS])
    while start >= 0:
        end = start + _common_chars(text, start, form)
        if end - start == len(form) or (not text[end : end + 1].isalnum() and _CUT.match(text, end)):
            spans.append((start, end))
            start = text.find(form[:PART_MIN_CHARS], end)
        else:
            start = text.find(form[:PART_MIN_CHARS], start + 1)
    return spans


def _common_chars(text: str, start: int, form: str) -> int:
    """How many characters from `start` on agree with the form. Halves its way there."""
    low, high = PART_MIN_CHARS, len(form)
    if text[start + low : start + low + 1] != form[low : low + 1]:
        return low
    while low < high:
        middle = (low + high + 1) // 2
        if text.startswith(form[low:middle], start + low):
            low = middle
        else:
            high = middle - 1
    return low


def _cut_front(text: str, form: str) -> tuple[int, int] | None:
    """The end of the form at the start of a text whose beginning was cut off."""
    lead = _CUT_BEFORE.match(text)
    start = lead.end() if lead else 0
    first = text[start : start + PART_MIN_CHARS]
    if len(first) < PART_MIN_CHARS:
        return None
    cut = form.find(first, 1)
    while cut > 0:
        if text.startswith(form[cut:], start):
            return start, start + len(form) - cut
        cut = form.find(first, cut + 1)
    return None


def _replace(text: str, spans: list[tuple[int, int]]) -> str:
    """Replace the spans, merged where they overlap; what lies within a mask already is kept."""
    masks = [match.span() for match in MASKED.finditer(text)]
    pieces: list[str] = []
    done = 0
    index = 0
    for start, end in sorted(spans):
        while index < len(masks) and masks[index][1] <= start:
            index += 1
        inside = index < len(masks) and masks[index][0] <= start and end <= masks[index][1]
        if inside or end <= done:
            continue
        if start >= done:
            pieces += (text[done:start], Mask.SECRET)
        done = end
    pieces.append(text[done:])
    return "".join(pieces)
