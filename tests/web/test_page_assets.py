"""How uPlot and htmx come into the package."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
WANTED = ROOT / "src" / "halfopen" / "web" / "assets"


@pytest.fixture
def script() -> ModuleType:
    """The script that `make assets` runs."""
    spec = importlib.util.spec_from_file_location("page_assets", ROOT / "scripts" / "page_assets.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def packages(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """In npm's place: puts packages there, and notes where it was run."""
    ran: list[Path] = []

    def install(folder: Path) -> None:
        ran.append(folder)
        assert (folder / "package-lock.json").read_bytes() == (WANTED / "package-lock.json").read_bytes()
        for path, _ in script.FILES:
            (folder / "node_modules" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "node_modules" / path).write_text(f"{path} {len(ran)}")

    monkeypatch.setattr(script, "install", install)
    return ran


def test_versions_are_exact_and_hashed() -> None:
    """Each package has one version and its hash, and no address."""
    wanted = json.loads((WANTED / "package.json").read_text())["dependencies"]
    lock = json.loads((WANTED / "package-lock.json").read_text())["packages"]
    assert set(wanted) == {"htmx.org", "uplot"}
    for name, version in wanted.items():
        locked: dict[str, Any] = lock[f"node_modules/{name}"]
        assert locked["version"] == version
        assert locked["integrity"].startswith("sha512-")
        assert "resolved" not in locked
    assert set(lock) == {"", *(f"node_modules/{name}" for name in wanted)}


def test_they_are_got_once(script: ModuleType, packages: list[Path], tmp_path: Path) -> None:
    """And again when one is missing or other versions are wanted. Nothing else is left."""
    vendor = tmp_path / "vendor"
    assert script.put(WANTED, vendor)
    assert not script.put(WANTED, vendor)
    assert len(packages) == 1
    assert not packages[0].exists()
    (vendor / "htmx.min.js").unlink()
    assert script.put(WANTED, vendor)
    (vendor / "version").write_text("another")
    assert script.put(WANTED, vendor)
    assert (vendor / "htmx.min.js").read_text() == "htmx.org/dist/htmx.min.js 3"
    assert {path.name for path in vendor.iterdir()} == {name for _, name in script.FILES} | {"version"}


def test_pages_can_do_without(script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """A start goes on without them and says so; whoever asks for them is told by the status."""

    def fails() -> bool:
        raise script.AssetsError("there is no npm")

    monkeypatch.setattr(script, "put", fails)
    assert script.main(["--if-possible"]) == 0
    assert "tables in place of charts" in capsys.readouterr().err
    assert script.main([]) == 1
    assert "there is no npm" in capsys.readouterr().err


def test_what_npm_says_is_told(script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A failure of npm names its reason."""
    monkeypatch.setattr(script, "npm", lambda: ("sh", "-c", "echo npm error no such version >&2; exit 3"))
    with pytest.raises(script.AssetsError, match="no such version"):
        script.install(tmp_path)
    monkeypatch.setattr(script, "npm", lambda: ("/no/such/program",))
    with pytest.raises(script.AssetsError, match="can't be run"):
        script.install(tmp_path)
