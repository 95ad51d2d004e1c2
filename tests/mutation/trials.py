"""Tries mutants in forked copies of one process, so that nothing is imported or collected twice.

Rules:
1. The tests are collected once, with the program as it is. A first run notes which function each test
   calls and how long it takes; a failure there ends everything.
2. For each mutant a fork swaps the code of one function, runs the tests that call this function, those of
   its module and the quickest first, and stops at the first that fails: the mutant is killed. None fails: it survives.
3. What shows only when a module is loaded (tables, defaults, functions that only run on import) is tried in
   a fork that has not imported the program: it loads the changed module and runs all tests.
4. A fork that uses more than `CPU_FACTOR` times the processor time of its tests (measured while calls
   were noted, so several times what they need), and `CPU_LEAST_S`, is
   ended: "timeout", which counts as killed. Processor time, so that a busy machine ends nothing.
5. Tests that take longer than `SLOW_S` do not run.
"""

import contextlib
import importlib.util
import math
import os
import pickle
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.machinery import ModuleSpec, SourceFileLoader
from itertools import zip_longest
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

import mutants
import pytest

CPU_FACTOR = 2
CPU_LEAST_S = 3.0
MEMORY_MAX_BYTES = 4 << 30
SLOW_S = 0.5

KILLED, SURVIVED, TIMEOUT, LOAD, BROKEN = "killed", "survived", "timeout", "load", "broken"
"""`LOAD`: shows only in a module that is loaded anew. `BROKEN`: this program is at fault."""


@dataclass(frozen=True)
class Trial:
    """What became of one mutant."""

    name: str
    status: str
    diff: str = ""
    """Of those that were not killed; of `BROKEN` what went wrong."""


@dataclass
class Known:
    """What the first run tells."""

    callers: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """File and function → the tests that call it."""
    took_s: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def quickest(self) -> list[str]:
        """The tests that run for mutants, the quickest first."""
        return sorted(
            (name for name, took in self.took_s.items() if took <= SLOW_S), key=self.took_s.__getitem__
        )


class Forks:
    """A pytest plugin: instead of running the tests once, it runs them for every mutant."""

    def __init__(self, changes: Sequence[mutants.Change], told: Callable[[Trial], None], jobs: int) -> None:
        self.changes = changes
        self.told = told
        self.jobs = jobs
        self.known = Known()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Note what calls what, then try the mutants."""
        self.known = known = forked(lambda: _first_run(session))
        if known.failed:
            return True
        items = {item.nodeid: item for item in session.items}
        quickest = known.quickest()

        def trial(change: mutants.Change) -> tuple[str, str]:
            tests = frozenset(known.callers.get((str(change.path), change.qualname), ()))
            names = sorted(
                (name for name in quickest if name in tests), key=partial(_is_of_others, change.module)
            )
            mutant = change.made()
            if mutant.code is None or not names or not _swapped(change, mutant):
                return LOAD, ""
            _limit(sum(known.took_s[name] for name in names))
            killed = _fails(session, [items[name] for name in names])
            return (KILLED, "") if killed else (SURVIVED, mutant.diff)

        for change, (status, diff) in side_by_side(trial, self.changes, self.jobs):
            self.told(Trial(change.name, status, diff))
        return True


def _is_of_others(module: str, test: str) -> bool:
    """Whether a test is not one of the module's own, in `test_MODULE…`: those tell most."""
    return f"/test_{module.rpartition('.')[2]}" not in test


def _first_run(session: pytest.Session) -> Known:
    known = Known()
    silent()
    warnings.simplefilter("error")
    for item, then in zip_longest(session.items, session.items[1:]):
        called: set[CodeType] = set()

        def note(frame: FrameType, event: str, _: Any, called: set[CodeType] = called) -> None:
            if event == "call":
                called.add(frame.f_code)

        started = time.process_time()
        sys.setprofile(note)
        passed = _passes(session, item, then)
        sys.setprofile(None)
        known.took_s[item.nodeid] = time.process_time() - started
        if not passed:
            known.failed.append(item.nodeid)
        for place in {(code.co_filename, code.co_qualname.split(".<locals>")[0]) for code in called}:
            known.callers.setdefault(place, []).append(item.nodeid)
    return known


def _fails(session: pytest.Session, items: Sequence[pytest.Item]) -> bool:
    """Whether one of the tests fails; the rest is not run then."""
    silent()
    warnings.simplefilter("error")
    return not all(_passes(session, item, then) for item, then in zip_longest(items, items[1:]))


def _passes(session: pytest.Session, item: pytest.Item, then: pytest.Item | None) -> bool:
    """Set a test up, run it and tear down what the next one doesn't need.

    Without the reports of pytest's own loop this is several times as fast.
    """
    try:
        if isinstance(item, pytest.Function):
            item._initrequest()
        session._setupstate.setup(item)
        item.runtest()
    except pytest.skip.Exception:
        return True
    except (Exception, pytest.fail.Exception):  # noqa: BLE001 - whatever a test raises, it has failed
        return False
    finally:
        session._setupstate.teardown_exact(then)
    return True


def _swapped(change: mutants.Change, mutant: mutants.Mutant) -> bool:
    """Put the changed code into the function, for whoever already holds the function."""
    assert mutant.code is not None
    found: Any = sys.modules[change.module]
    for name in change.qualname.split("."):
        found = vars(found)[name]
    function = getattr(found, "fget", None) or getattr(found, "__func__", None) or found
    if mutant.code.co_freevars != function.__code__.co_freevars:
        return False
    function.__code__ = mutant.code
    return True


class _Quickest:
    """A pytest plugin: only the quick tests, and first those of the module that is changed."""

    def __init__(self, known: Known, module: str) -> None:
        names = sorted(known.quickest(), key=partial(_is_of_others, module))
        self.rank = {name: place for place, name in enumerate(names)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Choose and sort."""
        chosen = [item for item in items if item.nodeid in self.rank]
        chosen.sort(key=lambda item: self.rank[item.nodeid])
        items[:] = chosen


def load_trials(
    changes: Sequence[mutants.Change],
    arguments: Sequence[str],
    known: Known,
    told: Callable[[Trial], None],
    jobs: int,
) -> None:
    """Rule 3. The calling process must not have imported the program; pytest's arguments are `arguments`.

    Raises:
        RuntimeError: The tests fail without any change.
    """
    if not changes:
        return
    program = sorted(name for name in sys.modules if name.partition(".")[0] == "halfopen")
    assert not program, f"already imported: {program}"

    def trial(change: mutants.Change) -> tuple[str, str]:
        mutant = change.loaded()
        _limit(base_s)
        sys.meta_path.insert(0, _Finder(change, mutant.source))
        killed = _pytest([*arguments, "-x"], _Quickest(known, change.module)) != pytest.ExitCode.OK
        return (KILLED, "") if killed else (SURVIVED, mutant.diff)

    def base() -> tuple[int, float]:
        started = time.process_time()
        code = _pytest(arguments, _Quickest(known, ""))
        return code, time.process_time() - started

    code, base_s = forked(base)
    if code != pytest.ExitCode.OK:
        raise RuntimeError(f"the tests fail without any change: pytest's exit status is {code}")
    for change, (status, diff) in side_by_side(trial, changes, jobs):
        told(Trial(change.name, status, diff))


def _pytest(arguments: Sequence[str], plugin: object) -> int:
    silent()
    return int(pytest.main([*arguments, "--assert=plain"], plugins=[plugin]))


class _Finder:
    """Gives the changed source for one module."""

    def __init__(self, change: mutants.Change, source: str) -> None:
        self.change = change
        self.source = source

    def find_spec(
        self, name: str, path: object = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The changed module, or None: somebody else's."""
        if name != self.change.module:
            return None
        file = str(self.change.path)
        source = self.source

        class Changed(SourceFileLoader):
            def get_code(self, fullname: str) -> CodeType:
                return compile(source, file, "exec", dont_inherit=True)

        inside = [str(Path(file).parent)] if Path(file).name == "__init__.py" else None
        return importlib.util.spec_from_file_location(
            name, file, loader=Changed(name, file), submodule_search_locations=inside
        )


def side_by_side(
    work: Callable[[mutants.Change], tuple[str, str]], changes: Sequence[mutants.Change], jobs: int
) -> Iterator[tuple[mutants.Change, tuple[str, str]]]:
    """Each change in a fork of its own, `jobs` at a time; what the forks say, as they end."""
    running: dict[int, tuple[mutants.Change, int]] = {}
    pending = iter(changes)
    change = next(pending, None)
    while change is not None or running:
        while change is not None and len(running) < jobs:
            pid, pipe = _fork(partial(work, change))
            running[pid] = (change, pipe)
            change = next(pending, None)
        pid, status = os.wait()
        done, pipe = running.pop(pid)
        yield done, _said(pipe, status)


def forked(work: Callable[[], Any]) -> Any:
    """What a function gives when a fork runs it.

    Raises:
        RuntimeError: The function raised, or the fork ended without an answer.
    """
    pid, pipe = _fork(work)
    with os.fdopen(pipe, "rb") as stream:
        data = stream.read()
    os.waitpid(pid, 0)
    if not data:
        raise RuntimeError("the fork ended without an answer")
    wrong, answer = pickle.loads(data)
    if wrong:
        raise RuntimeError(wrong)
    return answer


def _fork(work: Callable[[], Any]) -> tuple[int, int]:
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return pid, read
    os.close(read)
    try:
        answer = ("", work())
    except Exception:  # noqa: BLE001 - whatever it is, the parent is told
        answer = (traceback.format_exc(), None)
    finally:
        with contextlib.suppress(BaseException), os.fdopen(write, "wb") as stream:
            stream.write(pickle.dumps(answer))
        os._exit(0)


def _said(pipe: int, status: int) -> tuple[str, str]:
    with os.fdopen(pipe, "rb") as stream:
        data = stream.read()
    if data:
        wrong, answer = pickle.loads(data)
        return (BROKEN, wrong) if wrong else answer
    over = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL)
    # Without an answer the interpreter itself fell over the change.
    return (TIMEOUT, "") if over else (KILLED, "")


def _limit(usual_s: float) -> None:
    limit_s = math.ceil(time.process_time() + CPU_LEAST_S + CPU_FACTOR * usual_s)
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 2))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX_BYTES, MEMORY_MAX_BYTES))


def silent() -> None:
    """Send standard output and error of this process to nowhere."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
