"""Prompt and answer of a request as the terminal shows them."""

from collections.abc import Iterator
from typing import Any, Final

from rich.text import Text

from halfopen.cli.shown import plain
from halfopen.redact import MASKED

_LINE_MAX: Final = 10_000
_INDENT: Final = "  "


def said(content: dict[str, Any] | None) -> Iterator[Text]:
    """Lines of prompt and answer, with masks in colour; none when nothing is kept."""
    if content is None:
        return
    note = f"{content['masked']} masked" if content["masked"] else "nothing masked"
    for name in ("prompt", "answer"):
        yield Text()
        yield Text(f"{name} ({note})", style="bold")
        yield from _transcript(content[name], is_prompt=name == "prompt")


def _transcript(transcript: dict[str, Any], *, is_prompt: bool) -> Iterator[Text]:
    left_out = transcript["left_out"]
    if left_out and is_prompt:
        yield _dim(f"{left_out} messages before are not kept")
    if not transcript["messages"]:
        yield _dim("none")
    for message in transcript["messages"]:
        yield Text(f"{_INDENT}{plain(message['role'])}:", style="cyan")
        for part in message["parts"]:
            yield from _part(part)
    if left_out and not is_prompt:
        yield _dim(f"{left_out} messages after are not kept")


def _part(part: dict[str, Any]) -> Iterator[Text]:
    kind, content = part["type"], part.get("content", "")
    if kind == "blob":
        yield _dim(f"{_INDENT}[{plain(content)}]")
    else:
        name = f" {plain(part['name'])}" if part.get("name") else ""
        if kind != "text":
            yield _dim(f"{_INDENT}{plain(kind)}{name}")
        for line in content.splitlines():
            shown = Text(f"{_INDENT * 2}{plain(line, _LINE_MAX)}")
            shown.highlight_regex(MASKED, style="reverse")
            yield shown
    if left_out := part.get("left_out_bytes"):
        yield _dim(f"{_INDENT}… {left_out} bytes more are not kept")


def _dim(text: str) -> Text:
    return Text(f"{_INDENT}{text}", style="dim")
