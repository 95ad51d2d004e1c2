"""The faults that the lab can play, one a module; a listing of this package shows them all.

Each module has a docstring that says what really happens in production, and a `FAULT`.
"""

import pkgutil
from difflib import get_close_matches
from functools import cache
from importlib import import_module

from halfopen.lab.fault import LabFault


@cache
def names() -> tuple[str, ...]:
    """The names of all faults, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def load(name: str) -> LabFault:
    """The fault of that name. Raises ValueError that names the nearest ones."""
    if name not in names():
        near = [known for known in names() if name in known] or get_close_matches(name, names(), n=5)
        hint = f"; near it: {', '.join(near[:8])}" if near else ""
        raise ValueError(f"no fault {name!r}{hint}")
    fault = import_module(f"{__name__}.{name}").FAULT
    assert isinstance(fault, LabFault)
    return fault


def every() -> tuple[LabFault, ...]:
    """All faults, sorted by name."""
    return tuple(load(name) for name in names())


def listing() -> list[dict[str, object]]:
    """All faults as plain values, for JSON."""
    return [
        {
            "name": fault.name,
            "summary": fault.summary,
            "phase": fault.phase.value,
            "modes": list(fault.modes),
            "dialects": list(fault.dialects),
            "healthy": fault.healthy,
            "provider_meaning": fault.provider_meaning,
            "options": dict(fault.options),
            "requests_to_meet": fault.requests_to_meet,
        }
        for fault in every()
    ]
