"""Where a setting stands: a path of keys, written as TOML writes it."""

import re

Path = tuple[str | int, ...]
"""Keys from the top of the file; a number counts the items of an array from 0."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def quoted(text: str) -> str:
    """`text` as a TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in escaped) + '"'


def key(name: str) -> str:
    """`name` as a TOML key: bare when it can be, quoted otherwise."""
    return name if _BARE.fullmatch(name) else quoted(name)


def place(path: Path) -> str:
    """The path as one dotted TOML key, such as `routes."gpt-4o-mini".targets[1]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            # A provider or a model is named by a person: quote it unless it is one plain word.
            shown = part if re.fullmatch(r"\w+", part, re.ASCII) else quoted(part)
            text += f".{shown}" if text else shown
    return text
