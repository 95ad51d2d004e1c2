"""Files as text, and put where they are wanted."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from halfopen.exporters.files.yaml_text import yaml_text


def as_text(path: str, content: Any) -> str:
    """The content of a file as its name's ending wants it: YAML or JSON."""
    if path.endswith((".yaml", ".yml")):
        return yaml_text(content)
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def write(path: Path, text: str) -> None:
    """Make or replace a file, whole or not at all.

    Raises:
        OSError: It can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        half.write_text(text, encoding="utf-8")
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def write_all(folder: Path, files: Mapping[str, Any]) -> list[Path]:
    """Make or replace files below a folder; return where they are. Raises OSError."""
    written = []
    for name, content in files.items():
        write(folder / name, as_text(name, content))
        written.append(folder / name)
    return written
