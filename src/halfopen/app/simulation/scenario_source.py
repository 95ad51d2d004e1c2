"""Finds a scenario: one that is packaged, by its name, or a person's own file."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from halfopen.app.simulation.unusable import UnusableError, is_file, near, problem_lines, shown
from halfopen.rollout.problem import Problem
from halfopen.simulator.scenario import Scenario
from halfopen.simulator.toml import Unreadable, read_scenario

FILE_MAX_BYTES = 4 * 1024 * 1024
"""No scenario is this long; something else was named by mistake."""
_SUFFIX = ".toml"


def packaged() -> tuple[str, ...]:
    """The names of the scenarios that Halfopen brings with it, in alphabetical order."""
    folder = _folder()
    if not folder.is_dir():
        return ()
    return tuple(
        sorted(file.name.removesuffix(_SUFFIX) for file in folder.iterdir() if file.name.endswith(_SUFFIX))
    )


def find_scenario(given: str) -> Scenario:
    """Read the packaged scenario of a name, else the file at a path.

    Raises:
        UnusableError: There is neither, the file can't be read, or it is no scenario.
    """
    if given in packaged():
        text = (_folder() / f"{given}{_SUFFIX}").read_text("utf-8")
        return _read(text, Path(f"{given}{_SUFFIX}"))
    path = Path(given)
    if _is_no_path(given) and not is_file(path):
        hint = near(given, packaged())
        message = f"there is no scenario {shown(given)}{f' ({hint})' if hint else ''}"
        advice = "`halfopen simulate --list` shows them all; a file of your own is named by its path"
        raise UnusableError(f"{message}; {advice}", wrong_usage=True)
    return _read(_text(path), path)


def _folder() -> Traversable:
    return files("halfopen.simulator") / "scenarios"


def _is_no_path(given: str) -> bool:
    return "/" not in given and "\\" not in given and not given.endswith(_SUFFIX)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        reason = getattr(error, "strerror", None) or str(error)
        advice = "`halfopen simulate --list` shows the packaged scenarios"
        raise UnusableError(f"{path}: can't be read: {reason} ({advice})", wrong_usage=True) from None
    if len(data) > FILE_MAX_BYTES:
        text = f"{path}: is longer than {FILE_MAX_BYTES} bytes, so it can't be a scenario"
        raise UnusableError(text, wrong_usage=True)
    try:
        # Some editors put a byte order mark first, which TOML doesn't know.
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = Problem("", "is not UTF-8 text", "save it as UTF-8", line)
        raise UnusableError(problem_lines(path, (problem,)), wrong_usage=False) from None


def _read(text: str, path: Path) -> Scenario:
    scenario = read_scenario(text)
    if isinstance(scenario, Unreadable):
        raise UnusableError(problem_lines(path, scenario.problems), wrong_usage=False)
    return scenario
