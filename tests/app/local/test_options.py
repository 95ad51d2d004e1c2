"""The settings of a local model, and what follows from them."""

from dataclasses import replace
from pathlib import Path

import pytest

from halfopen.app.local import LocalOptions, capabilities
from halfopen.app.local.options import wrong_setting


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("context_tokens", 255),
        ("threads", -1),
        ("parallel", 0),
        ("answer_tokens", 0),
        ("start_s", 0),
        ("start_s", float("inf")),
        ("start_s", float("nan")),
    ],
)
def test_a_setting_out_of_range_is_named(name: str, value: float) -> None:
    """A wrong setting is found before a process is started, and its name is said."""
    message = wrong_setting(replace(LocalOptions(), **{name: value}))
    assert message is not None
    assert message.startswith(name)


def test_the_defaults_are_in_range() -> None:
    """Nothing needs to be set."""
    assert wrong_setting(LocalOptions()) is None


def test_the_name_hides_the_path() -> None:
    """Answers carry the model's name, not where it lies on this machine."""
    assert LocalOptions().model_name == "gemma-3-270m-q4_k_m"
    assert LocalOptions(gguf="/srv/models/qwen.gguf").model_name == "qwen"


def test_a_base_model_calls_no_tools(tmp_path: Path) -> None:
    """The route passes over a model without a template when a request needs tools."""
    base = tmp_path / "base.gguf"
    base.write_bytes(b"GGUF")
    assert not capabilities(LocalOptions()).tools
    assert not capabilities(LocalOptions(gguf=str(base))).tools
    assert capabilities(LocalOptions(gguf=str(base), chat_template="{{ messages }}")).tools
    assert not capabilities(LocalOptions()).images
