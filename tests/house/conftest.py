"""What the house rules look at."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the repository."""

    path: str
    """Relative to the repository."""
    text: str


def listed() -> list[str]:
    """Every file that is committed or could be: nothing that git does not ignore is left out."""
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return sorted({path for path in found.split("\0") if path and (ROOT / path).is_file()})


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def committed() -> list[str]:
    """Paths of all files, relative to the repository."""
    return listed()


@pytest.fixture(scope="session")
def python(committed: list[str]) -> list[Source]:
    """All Python files."""
    return [
        Source(path, (ROOT / path).read_text(encoding="utf-8")) for path in committed if path.endswith(".py")
    ]


@pytest.fixture(scope="session")
def hold() -> Callable[[list[str]], None]:
    """Fails with one line for each breach of a rule: file, line, what is wrong and how to mend it."""

    def check(breaches: list[str]) -> None:
        if breaches:
            pytest.fail("\n".join(breaches), pytrace=False)

    return check
