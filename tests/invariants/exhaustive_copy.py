"""Copies worlds, faster than a replay makes them again.

A copy is a pickle of the whole world, so nothing is left out but what never changes: options, targets, the
faults that upstreams send and the members of enumerations are the same objects in every copy. The search
compares copies with replays now and then.
"""

import io
import pickle
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from exhaustive_model import FAULTS, World

from halfopen.model import Priority, Verdict
from halfopen.policy import State
from halfopen.policy.breaker import BreakerState


def constant(_number: int) -> Any:
    """Stands in a pickle for an object that never changes."""
    raise RuntimeError("a world is unpickled by its copier only")


class Copier:
    """Copies the worlds of one variant, from the first one on."""

    def __init__(self, first: World) -> None:
        """`first` and its copies share what never changes."""
        self._constants = list(_unchanging(first))
        numbers = {id(each): number for number, each in enumerate(self._constants)}

        def reduce(value: Any) -> Any:
            number = numbers.get(id(value))
            return value.__reduce_ex__(pickle.HIGHEST_PROTOCOL) if number is None else (constant, (number,))

        self._reducers: dict[type, Callable[[Any], Any]] = {type(each): reduce for each in self._constants}

    def freeze(self, world: World) -> bytes:
        """A world as bytes."""
        buffer = io.BytesIO()
        pickler = pickle.Pickler(buffer, pickle.HIGHEST_PROTOCOL)
        pickler.dispatch_table = self._reducers
        pickler.dump(world)
        return buffer.getvalue()

    def thaw(self, frozen: bytes) -> World:
        """A copy of the world that was frozen."""
        world = _Thawing(io.BytesIO(frozen), self._constants).load()
        assert isinstance(world, World)
        return world


class _Thawing(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, constants: list[Any]) -> None:
        super().__init__(file)
        self._constants = constants

    def find_class(self, module: str, name: str) -> Any:
        """A class or function of a pickle; the stand-in becomes the look-up of what it stands for."""
        if name == constant.__name__ and module == constant.__module__:
            return self._constants.__getitem__
        return super().find_class(module, name)


def _unchanging(world: World) -> Iterator[Any]:
    for whole in (world.variant, world.options, world.policy):
        yield whole
        yield from (part for each in fields(whole) if is_dataclass(part := getattr(whole, each.name)))
    yield from FAULTS.values()
    yield from (state.target for state in world.states)
    yield from (request.demand for request in world.requests)
    # No upstream of the model tells its tokens, and without them no answer's time is kept.
    yield from (state.answer_times for state in world.states)
    kinds: tuple[type[Enum], ...] = (State, BreakerState, Verdict, Priority)
    for kind in kinds:
        yield from kind
