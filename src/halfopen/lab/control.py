"""The lab's own HTTP interface, on every listener below `/_lab`."""

from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from halfopen.lab import faults
from halfopen.lab.calls import LabCall
from halfopen.lab.exchange import LabAnswer, LabRequest

PREFIX = "/_lab"
_ANSWER = {"GET", "PUT", "DELETE"}


class Controlled(Protocol):
    """What the interface controls."""

    calls: deque[LabCall]
    siblings: Mapping[str, Any]

    @property
    def state(self) -> dict[str, object]:
        """What `GET /_lab` shows."""
        ...

    def set_fault(self, name: str, **options: Any) -> None:
        """Play a fault."""
        ...

    def clear(self) -> None:
        """Be healthy again."""
        ...


class _Order(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    after: int = 0
    times: int | None = None
    probability: float = 1.0
    seed: int = 0
    options: dict[str, bool | float | int | str] = {}


def control(provider: Controlled, request: LabRequest) -> LabAnswer:
    """Answer a request below `/_lab`. Errors say what would be right."""
    steps = [step for step in request.path[len(PREFIX) :].split("/") if step]
    if steps and steps[0] in provider.siblings:
        provider = provider.siblings[steps.pop(0)]
    noun = "/".join(steps)
    route = (request.method, noun)
    if route == ("GET", ""):
        return _json(200, provider.state)
    if route == ("GET", "calls"):
        return _json(200, {"calls": [call.shown() for call in provider.calls]})
    if route == ("DELETE", "calls"):
        provider.calls.clear()
        return _json(200, provider.state)
    if route == ("GET", "faults"):
        return _json(200, {"faults": faults.listing()})
    if route == ("PUT", "fault"):
        return _set(provider, request.body)
    if route == ("DELETE", "fault"):
        provider.clear()
        return _json(200, provider.state)
    return _json(
        404,
        {
            "error": f"no {request.method} {request.path}; there are GET {PREFIX}, PUT and DELETE "
            f"{PREFIX}/fault, GET and DELETE {PREFIX}/calls, GET {PREFIX}/faults, "
            f"and the same below {PREFIX}/<dialect>"
        },
    )


def _set(provider: Controlled, body: bytes) -> LabAnswer:
    try:
        order = msgspec.json.decode(body, type=_Order)
        provider.set_fault(
            order.name,
            after=order.after,
            times=order.times,
            probability=order.probability,
            seed=order.seed,
            **order.options,
        )
    except TypeError:
        return _json(400, {"error": f"{', '.join(order.options)}: one of these is no option of a fault"})
    except (msgspec.DecodeError, ValueError) as problem:
        return _json(400, {"error": str(problem)})
    return _json(200, provider.state)


def _json(status: int, value: object) -> LabAnswer:
    return LabAnswer(status, (("content-type", "application/json"),), msgspec.json.encode(value))
