"""The guide's examples run as they stand, and print what stands below them.

`halfopen lab set` and `export` in a page's shell blocks are carried out, so that an example has what
its reader has. In an output `…` stands for anything.
"""

import contextlib
import io
import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from halfopen.lab.fleet import Lab

GUIDE = Path(__file__).parents[2] / "docs" / "guide"
PAGES = ("clients.md", "streams.md")
ADDRESS = "http://127.0.0.1:8500"
NOT_RUN = ("claude", "make")
"""Programs that a shell block may name although no test has them."""
END_S = 20
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """One block that can be run, and the output that the page shows for it."""

    language: str
    code: str
    shown: str | None
    line: int


def examples(page: str) -> list[Example]:
    """The Python and shell blocks of a page, in order."""
    found: list[Example] = []
    end = 0
    for block in _BLOCK.finditer(page):
        language, text = block.groups()
        if language in ("python", "sh"):
            found.append(Example(language, text, None, page[: block.start()].count("\n") + 1))
        elif language == "text" and found and not page[end : block.start()].strip():
            last = found[-1]
            found[-1] = Example(last.language, last.code, text, last.line)
        end = block.end()
    return found


def printed(code: str) -> str:
    """What a Python example prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "guide", "exec"), {"__name__": "__main__"})
    return out.getvalue()


def called(command: str) -> str:
    """What a shell example prints."""
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=END_S, check=False)
    return done.stdout


def break_or_mend(lab: Lab, words: list[str]) -> None:
    """Carry out `halfopen lab set` or `halfopen lab clear`."""
    if words[2] == "clear":
        for provider in lab.providers.values():
            provider.clear()
        return
    dialect, fault, *options = words[3:]
    times: int | None = None
    chosen: dict[str, Any] = {}
    for name, value in zip(options[::2], options[1::2], strict=True):
        if name == "--times":
            times = int(value)
        else:
            assert name == "--option", name
            key, _, number = value.partition("=")
            chosen[key] = float(number)
    lab[dialect].set_fault(fault, times=times, **chosen)


def prepare(example: Example, lab: Lab, monkeypatch: pytest.MonkeyPatch, address: str) -> bool:
    """Carry out what a shell block sets. Whether it is also to be called."""
    if example.code.startswith("curl "):
        return True
    for line in example.code.splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["export"]:
            name, _, value = words[1].partition("=")
            monkeypatch.setenv(name, value.replace(ADDRESS, address))
        elif words[:2] == ["halfopen", "lab"]:
            break_or_mend(lab, words)
        else:
            assert not words or words[0] in NOT_RUN, f"no test knows what to do with: {line}"
    return False


def matches(shown: str, out: str) -> bool:
    """Whether an output is the one that the page shows."""
    pattern = ".*?".join(re.escape(piece) for piece in shown.strip().split("…"))
    return re.fullmatch(pattern, out.strip().replace("\r", ""), re.DOTALL) is not None


def walk(
    page: str, language: str, run: Callable[[str], str], started: Any, monkeypatch: pytest.MonkeyPatch
) -> int:
    """Run the examples in one language, and prepare for them what the others set."""
    count = 0
    for example in examples((GUIDE / page).read_text()):
        code = example.code.replace(ADDRESS, started.address)
        if example.language == "sh" and not prepare(example, started.lab, monkeypatch, started.address):
            continue
        if example.language != language:
            continue
        out = run(code)
        count += 1
        assert example.shown is not None, f"{page}:{example.line} shows no output; it is:\n{out}"
        assert matches(example.shown, out), f"{page}:{example.line} prints now:\n{out}"
    return count


@pytest.mark.parametrize("page", PAGES)
def test_python_examples(page: str, started: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python example of the guide prints what the page says."""
    assert walk(page, "python", printed, started, monkeypatch) or page != "clients.md"


@pytest.mark.server("curl")
@pytest.mark.parametrize("page", PAGES)
def test_curl_examples(page: str, started: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every curl call of the guide prints what the page says."""
    assert walk(page, "sh", called, started, monkeypatch) > 0


def test_examples_are_found() -> None:
    """A block is taken with the output right below it, and with no other."""
    page = "a\n```python\nprint(1)\n```\n\n```text\n1\n```\n\n```sh\nmake run\n```\nb\n```text\nx\n```\n"
    assert examples(page) == [
        Example("python", "print(1)\n", "1\n", 2),
        Example("sh", "make run\n", None, 10),
    ]
    assert matches("a … c\n", "a b\nb c")
    assert not matches("a … c", "a b")
