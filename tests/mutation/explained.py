"""Survivors that somebody has judged: `explained.md` says why each may live.

A block there is what the page of survivors shows of a mutant: its file and function, the lines that went and
the lines that came. Numbers are left out, so that a change elsewhere in the function moves nothing.
"""

from collections.abc import Iterable
from pathlib import Path

PAGE = Path(__file__).with_name("explained.md")
Key = tuple[str, str]
"""File and function; and the change."""


def key_of(name: str, diff: str) -> Key:
    """What a mutant is known by.

    Args:
        name: `package/file.py:function:number`.
        diff: Its change.
    """
    changed = [line[0] + " ".join(line[1:].split()) for line in diff.splitlines() if line[:1] in ("-", "+")]
    return name.rpartition(":")[0], "\n".join(sorted(changed))


def block(name: str, diff: str) -> str:
    """A mutant as the pages show it."""
    changed = [line for line in diff.splitlines() if line[:1] in ("-", "+")]
    return "\n".join(["```diff", f"@ {name.rpartition(':')[0]}", *changed, "```"])


def keys_in(lines: Iterable[str]) -> dict[Key, str]:
    """The mutants of a page, each with the heading above it."""
    found: dict[Key, str] = {}
    heading, place, changed = "", "", list[str]()
    for line in lines:
        if line.startswith("## "):
            heading = line.removeprefix("## ").strip()
        elif line.startswith("@ "):
            place, changed = line.removeprefix("@ ").strip(), []
        elif place and line.startswith("```"):
            found[key_of(f"{place}:", "\n".join(changed))] = heading
            place = ""
        elif place:
            changed.append(line)
    return found


def known() -> dict[Key, str]:
    """All that are explained, with their reason."""
    return keys_in(PAGE.read_text(encoding="utf-8").splitlines()) if PAGE.exists() else {}
