"""What is passed around can't be changed by whoever is handed it."""

import dataclasses
import importlib
import pkgutil
from typing import Any

import msgspec
import pytest

import halfopen.policy as package


def values() -> list[Any]:
    """Every dataclass and struct that the package defines."""
    found: dict[str, Any] = {}
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        for item in vars(importlib.import_module(info.name)).values():
            own = isinstance(item, type) and item.__module__ == info.name
            if own and (dataclasses.is_dataclass(item) or issubclass(item, msgspec.Struct)):
                found[item.__name__] = item
    return [pytest.param(item, id=name) for name, item in sorted(found.items())]


@pytest.mark.parametrize("kind", values())
def test_values_are_frozen(kind: Any) -> None:
    """No field of a value can be set, and no other can be added: each is the same for all who hold it."""
    if issubclass(kind, msgspec.Struct):
        assert kind.__struct_config__.frozen
        assert not kind.__struct_config__.gc
        return
    assert kind.__dataclass_params__.frozen
    assert "__slots__" in vars(kind)
