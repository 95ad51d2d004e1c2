"""The core reads no clock, draws no random number, does no I/O and keeps no state in its modules."""

import ast
import configparser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CORE = (
    "model",
    "seams",
    "errors",
    "http1",
    "redact",
    "policy",
    "providers",
    "rollout",
    "signals",
    "simulator",
)
"""As in `.importlinter`; packages of the core that come later are added to both."""

IMPURE_MODULES = frozenset(
    ("time", "random", "secrets", "asyncio", "socket", "ssl", "sqlite3", "subprocess", "threading", "tempfile",
     "pathlib", "os", "shutil", "select", "signal", "multiprocessing", "concurrent", "uvloop")
)  # fmt: skip
IMPURE_CALLS = frozenset(
    ("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "uuid.uuid1", "uuid.uuid4", "uuid1", "uuid4",
     "os.urandom", "open", "input", "print")
)  # fmt: skip
READ_ONLY = ("Mapping", "Sequence", "Collection", "AbstractSet", "Set", "tuple", "frozenset", "ClassVar")
MUTABLE_CALLS = frozenset(
    ("dict", "list", "set", "bytearray", "defaultdict", "collections.defaultdict", "deque", "collections.deque",
     "Counter", "collections.Counter", "OrderedDict", "count", "itertools.count", "cycle", "itertools.cycle",
     "WeakValueDictionary", "ContextVar")
)  # fmt: skip
MEMOS = ("cache", "lru_cache")


def impure(path: str, text: str) -> list[str]:
    """Imports and calls that read a clock, a random source or the outside world."""
    breaches = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found = [node.module or ""] if not node.level else []
        else:
            found = []
        breaches += [
            f"{path}:{node.lineno}: the core must not import {name}; take `now`, Entropy or bytes as an argument"
            for name in found
            if name.split(".")[0] in IMPURE_MODULES
        ]
        if isinstance(node, ast.Call):
            call = ast.unparse(node.func)
            if call in IMPURE_CALLS or any(call.endswith("." + name) for name in IMPURE_CALLS if "." in name):
                breaches.append(
                    f"{path}:{node.lineno}: the core must not call {call}; take its result as an argument"
                )
    return breaches


def stateful(path: str, text: str) -> list[str]:
    """State in a module: a collection that can be written, a memo, a global statement."""
    tree = ast.parse(text)
    breaches = []
    for node in tree.body:
        if isinstance(node, ast.AugAssign):
            breaches.append(
                f"{path}:{node.lineno}: {ast.unparse(node.target)} changes while the module loads; write it whole"
            )
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and _mutable(node.value):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            name = ast.unparse(target)
            if name != "__all__" and not (
                _constant(name) and isinstance(node, ast.AnnAssign) and _read_only(node)
            ):
                breaches.append(
                    f"{path}:{node.lineno}: {name} can be written by anybody; make it a tuple or a frozenset, "
                    "or an upper-case constant annotated as Mapping or wrapped in MappingProxyType"
                )
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            breaches.append(
                f"{path}:{node.lineno}: global {', '.join(node.names)}; keep the state in an object"
            )
        if isinstance(node, ast.FunctionDef):
            memos = [ast.unparse(d).removeprefix("functools.").split("(")[0] for d in node.decorator_list]
            if any(memo in MEMOS for memo in memos):
                breaches.append(
                    f"{path}:{node.lineno}: {node.name} remembers its calls; keep the results in an object"
                )
    return breaches


def _mutable(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return ast.unparse(value.func) in MUTABLE_CALLS
    return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)


def _constant(name: str) -> bool:
    return name == name.upper()


def _read_only(node: ast.AnnAssign) -> bool:
    annotation = ast.unparse(node.annotation).removeprefix("typing.").removeprefix("Final[")
    return annotation.split("[")[0].split(".")[-1] in READ_ONLY


def unnamed_packages(importlinter: str, packages: set[str]) -> list[str]:
    """Packages that the layers leave out, and core packages that the purity contract leaves out."""
    parser = configparser.ConfigParser()
    parser.read_string(importlinter)
    layers = set(parser["importlinter:contract:layers"]["layers"].replace("|", " ").split())
    pure = set(parser["importlinter:contract:purity"]["source_modules"].split())
    breaches = [
        f".importlinter:1: {name} is in no layer; add it where its imports allow"
        for name in sorted(packages - layers)
    ]
    breaches += [
        f".importlinter:1: halfopen.{name} is core but not in the purity contract; add it"
        for name in CORE
        if f"halfopen.{name}" not in pure and name in packages
    ]
    breaches += [
        f".importlinter:1: {name} is in the purity contract; add it to CORE in {Path(__file__).name} too"
        for name in sorted(pure)
        if name.removeprefix("halfopen.") not in CORE
    ]
    return breaches


def _core(source: Any) -> bool:
    return source.path.startswith(tuple(f"src/halfopen/{name}/" for name in CORE))


def test_no_clock_no_randomness(python: list[Any], hold: Callable[[list[str]], None]) -> None:
    """The core is handed the time and randomness, and does no I/O."""
    hold([breach for source in python if _core(source) for breach in impure(source.path, source.text)])


def test_no_module_state(python: list[Any], hold: Callable[[list[str]], None]) -> None:
    """No module of the core holds something that can change."""
    hold([breach for source in python if _core(source) for breach in stateful(source.path, source.text)])


def test_importlinter_names_every_package(root: Path, hold: Callable[[list[str]], None]) -> None:
    """Every top-level package has its layer, and every core package its purity contract."""
    packages = {path.parent.name for path in (root / "src" / "halfopen").glob("*/__init__.py")}
    hold(unnamed_packages((root / ".importlinter").read_text(), packages))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("import time\n", id="time"),
        pytest.param("import asyncio.events\n", id="submodule"),
        pytest.param("from random import random\n", id="from"),
        pytest.param("def f():\n    import secrets\n", id="inside a function"),
        pytest.param("import datetime\nx = datetime.datetime.now()\n", id="now"),
        pytest.param("from datetime import date\nx = date.today()\n", id="today"),
        pytest.param("import uuid\nx = uuid.uuid4()\n", id="uuid4"),
        pytest.param("from uuid import uuid1\nx = uuid1()\n", id="uuid1"),
        pytest.param("x = open('f')\n", id="open"),
    ],
)
def test_purity_catches(text: str) -> None:
    """A planted clock, random source or file is caught, wherever it stands."""
    assert len(impure("src/halfopen/policy/a.py", text)) == 1


def test_purity_passes_arguments() -> None:
    """Code that takes the time as an argument passes, and may parse dates and UUIDs."""
    text = "import datetime\nimport uuid\n\n\ndef f(now):\n    return datetime.datetime.fromtimestamp(now), uuid.UUID(int=1)\n"
    assert impure("src/halfopen/policy/a.py", text) == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("seen = {}\n", id="dict"),
        pytest.param("_seen: Mapping[str, int] = {}\n", id="lower-case mapping"),
        pytest.param("SEEN = []\n", id="bare list"),
        pytest.param("SEEN: dict[str, int] = {}\n", id="annotated as writable"),
        pytest.param("SEEN: Final[dict[str, int]] = {}\n", id="final but writable"),
        pytest.param("SEEN = collections.defaultdict(list)\n", id="defaultdict"),
        pytest.param("ids = itertools.count()\n", id="counter"),
        pytest.param("A = (1,)\nA += (2,)\n", id="grown"),
        pytest.param("N = 0\n\n\ndef f():\n    global N\n", id="global"),
        pytest.param("@functools.lru_cache(maxsize=None)\ndef f(): ...\n", id="memo"),
        pytest.param("@cache\ndef f(): ...\n", id="memo without arguments"),
    ],
)
def test_module_state_catches(text: str) -> None:
    """Planted state in a module is caught in each of its forms."""
    assert len(stateful("src/halfopen/policy/a.py", text)) == 1


def test_module_state_passes_constants() -> None:
    """Constants that can't be written pass."""
    text = (
        '__all__ = ["A"]\nA: Final = (1, 2)\nB: Mapping[str, int] = {"a": 1}\nC: Final[Mapping[str, int]] = {}\n'
        "D = MappingProxyType({})\nE = frozenset((1,))\nF: Sequence[int] = [1]\n\n\ndef f():\n    g = {}\n    return g\n"
    )
    assert stateful("src/halfopen/policy/a.py", text) == []


def test_importlinter_catches() -> None:
    """A package without a layer, a core package without purity and one that this test does not know are caught."""
    text = (
        "[importlinter:contract:layers]\nlayers =\n    app\n    policy | errors\n"
        "[importlinter:contract:purity]\nsource_modules =\n    halfopen.errors\n    halfopen.feeds\n"
    )
    breaches = unnamed_packages(text, {"app", "errors", "policy", "web"})
    assert [breach.split(": ")[1].split()[0] for breach in breaches] == [
        "web",
        "halfopen.policy",
        "halfopen.feeds",
    ]
    assert unnamed_packages(text.replace("    halfopen.feeds\n", ""), {"app", "errors"}) == []
