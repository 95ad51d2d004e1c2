"""The configuration is found: file, environment, lab."""

import os
from pathlib import Path

import pytest

from halfopen.app.configuration import FILE_MAX_BYTES, ConfigurationError, lab_snapshot, load

TEXT = '[providers.o]\ndialect = "openai"\nkey = "${K}"\n[routes.m]\ntargets = ["o/gpt-4o-mini"]\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good file with the name that is looked for."""
    path = tmp_path / "halfopen.toml"
    path.write_text(TEXT)
    return path


def test_a_given_file_is_read(file):
    """Snapshot, secrets and source are those of the file."""
    loaded = load(file, {"K": "sk-1", "OPENAI_API_KEY": "other"})
    assert (loaded.source, loaded.path, list(loaded.snapshot.providers)) == ("file", file, ["o"])
    assert dict(loaded.secrets) == {"K": "sk-1"}
    assert "sk-1" not in repr(loaded)


def test_the_file_in_the_directory_goes_before_the_environment(file):
    """Keys in the environment change nothing when there is a file."""
    loaded = load(None, {"K": "sk-1", "OPENAI_API_KEY": "k"}, directory=file.parent)
    assert loaded.source == "file"


def test_without_a_file_the_keys_make_the_providers(tmp_path):
    """The notes say so."""
    loaded = load(None, {"OPENAI_API_KEY": "k"}, directory=tmp_path)
    assert (loaded.source, list(loaded.snapshot.providers)) == ("environment", ["openai"])
    assert "OPENAI_API_KEY" in loaded.notes[0]


def test_without_keys_the_lab_stands_in(tmp_path):
    """It says that no model answers."""
    ports = {"openai": 1001, "anthropic": 1002, "gemini": 1003}
    loaded = load(None, {}, directory=tmp_path, lab_ports=ports)
    assert loaded.source == "lab"
    assert "no model answers" in loaded.notes[0]
    assert loaded.snapshot == lab_snapshot(ports).snapshot
    assert loaded.snapshot.providers["openai"].key_value(loaded.secrets) == "lab"


def test_a_missing_file_is_not_replaced_by_the_environment(tmp_path):
    """A typing error in --config never starts another configuration."""
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path / "nix.toml", {"OPENAI_API_KEY": "k"})
    assert caught.value.unreadable
    assert "No such file" in str(caught.value)


def test_a_named_pipe_is_not_waited_for(tmp_path):
    """Nobody knows who will write to it, and when it would end."""
    os.mkfifo(tmp_path / "halfopen.toml")
    with pytest.raises(ConfigurationError, match="can't be read: it is no regular file") as caught:
        load(tmp_path / "halfopen.toml", {})
    assert caught.value.unreadable


def test_a_directory_cant_be_read(tmp_path):
    """Whatever the system says is told without a traceback."""
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, {})
    assert caught.value.unreadable


def test_a_huge_file_is_refused(file):
    """Something else was named by mistake, and isn't read into memory."""
    file.write_bytes(b"#" * (FILE_MAX_BYTES + 1))
    with pytest.raises(ConfigurationError, match="can't be a configuration"):
        load(file, {})


def test_text_that_is_not_utf8_says_where(file):
    """The line of the first bad byte is told."""
    file.write_bytes(b"# a\n# \xff\n")
    with pytest.raises(ConfigurationError, match=r"halfopen.toml:2: is not UTF-8 text"):
        load(file, {})


def test_a_byte_order_mark_is_skipped(file):
    """Some editors put one first."""
    file.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert load(file, {"K": "v"}).source == "file"


def test_every_problem_is_in_the_error(file):
    """One a line, as file:line: place: message."""
    file.write_text(TEXT + "[gateway]\nport = 0\n")
    with pytest.raises(ConfigurationError) as caught:
        load(file, {})
    first, second = str(caught.value).splitlines()
    assert first.startswith(f"{file}:3: providers.o.key: ")
    assert second == f"{file}:7: gateway.port: must be at least 1, but is 0"
    assert [problem.line for problem in caught.value.problems] == [3, 7]


def test_a_problem_of_the_environment_names_the_variable(tmp_path):
    """Nobody wrote a file, so no file is blamed."""
    with pytest.raises(ConfigurationError, match=r"^OPENAI_BASE_URL: the URL has no scheme"):
        load(None, {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "x.example"}, directory=tmp_path)


def test_a_model_file_that_isnt_there_is_a_problem(file):
    """The last resort is not found missing in an outage."""
    file.write_text('[providers.l]\nlocal = true\ngguf = "/nix/a.gguf"\n[routes.m]\ntargets = ["l/a"]\n')
    with pytest.raises(ConfigurationError, match=r"providers.l.gguf: there is no file /nix/a.gguf"):
        load(file, {})
