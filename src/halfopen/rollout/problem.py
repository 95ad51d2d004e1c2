"""What is wrong with a configuration, and where."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from halfopen.rollout.place import Path, place


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or worth knowing, in a configuration."""

    place: str
    """The setting as TOML writes it, such as `routes."gpt-4o-mini".deadline_s`; empty: the whole file."""
    message: str
    """What is wrong, without any secret."""
    hint: str = ""
    """What to write instead, when that can be said."""
    line: int | None = None
    """Line of the file, counted from 1, when known."""

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line is not None else ""
        subject = f"{self.place}: " if self.place else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}{subject}{self.message}{hint}"


class Findings:
    """Collects problems while a configuration is checked, and finds their lines."""

    def __init__(self, lines: Mapping[Path, int] | None = None) -> None:
        """Take the lines of the settings, as `toml.parse` found them."""
        self._lines = lines or {}
        self._found: list[tuple[Path, Problem]] = []

    def add(self, path: Path, message: str, hint: str = "") -> None:
        """Note that the setting at `path` has a problem."""
        self._found.append((path, Problem(place(path), message, hint, self._line(path))))

    def blamed(self, path: Path) -> bool:
        """Whether `path`, or anything below it, already has a problem."""
        return any(found[: len(path)] == path for found, _ in self._found)

    def sorted(self) -> tuple[Problem, ...]:
        """Everything found, in the order of the file; what has no line comes last."""
        problems = [problem for _, problem in self._found]
        return tuple(sorted(problems, key=lambda problem: (problem.line is None, problem.line or 0)))

    def _line(self, path: Path) -> int | None:
        """The line of the setting, else of the nearest table around it."""
        for length in range(len(path), 0, -1):
            line = self._lines.get(path[:length])
            if line is not None:
                return line
        return None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the known word nearest to `word`, else all known words when they are few."""
    words = sorted(known)
    near = get_close_matches(word, words, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{near[0]}"?'
    if not words:
        return ""
    return "known here: " + ", ".join(words) if len(words) <= 24 else ""
