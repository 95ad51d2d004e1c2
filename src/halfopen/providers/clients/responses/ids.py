"""Ids of what OpenAI did not make: another provider's answer as a Response and its items.

They begin as OpenAI's do, since clients and servers look at the prefix, and say that they are ours:
nothing is stored under them, so they can't be referred to later. At most 64 characters, which is
OpenAI's limit for ids in a request.
"""

import re
from typing import Any

_OURS = "halfopen_"
_CORE_MAX = 40
_ODD = re.compile(r"[^0-9A-Za-z]")


def core_of(origin: str) -> str:
    """The part that all ids of one answer share, made from its request's or its completion's id."""
    return _ODD.sub("", origin.removeprefix("chatcmpl-"))[-_CORE_MAX:] or "answer"


def response_id(core: str) -> str:
    """The id of the Response."""
    return f"resp_{_OURS}{core}"


def item_id(prefix: str, core: str, index: int) -> str:
    """The id of one output item: msg, rs or fc, and its place."""
    return f"{prefix}_{_OURS}{core}_{index}"


def is_ours(value: object) -> bool:
    """Whether an id in a request is one that we made."""
    return isinstance(value, str) and value.partition("_")[2].startswith(_OURS)


def is_reference(item: Any) -> bool:
    """Whether an input item is nothing but the id of a stored one. Its type may be left out."""
    if not isinstance(item, dict):
        return False
    kind = item.get("type")
    return kind == "item_reference" or (kind is None and "id" in item and "role" not in item)


def is_reference_to_our_reasoning(item: Any) -> bool:
    """Whether an input item refers to reasoning that we made of another provider's answer."""
    return is_reference(item) and is_ours(item.get("id")) and item["id"].startswith("rs_")
