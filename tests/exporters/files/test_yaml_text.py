"""Plain data as YAML: a reader gets what was meant."""

from typing import Any

import pytest
import yaml

from halfopen.exporters.files.yaml_text import yaml_text


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            {"a": ["yes", "no", "on", "off", "y", "n", "null", "true", "False", "~", ""]}, id="words"
        ),
        pytest.param(
            {"a": [1, 1.5, True, False, None, "1", "1.5", "0x10", "1e3", "2026-11-23"]}, id="numbers"
        ),
        pytest.param({"a": "one\ntwo: three\n  four", "b": ["x\ny"]}, id="lines"),
        pytest.param({"a": 'q"uote\\s # no comment: {x}', "b c": "- d", "yes": "e"}, id="signs"),
        pytest.param({"a": [], "b": {}, "c": [[1, 2], {"d": [{"e": "f", "g": ["h"]}]}]}, id="nested"),
        pytest.param(["a", {"b": 1, "c": {"d": "é語"}}], id="a list"),
    ],
)
def test_there_and_back(data: Any) -> None:
    """Whatever looks like something else, and however deep it is."""
    assert yaml.safe_load(yaml_text(data)) == data
