"""Where pictures go: one file a scenario, none over another."""

import re
from collections.abc import Iterable
from pathlib import Path


def picture_paths(scenarios: Iterable[str], folder: Path) -> list[Path]:
    """The files of scenarios of these names, in their order. Two of one name have two files."""
    paths: list[Path] = []
    for name in scenarios:
        stem = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "scenario"
        path, number = folder / f"{stem}.png", 1
        while path in paths:
            number += 1
            path = folder / f"{stem}-{number}.png"
        paths.append(path)
    return paths
