"""Builds targets, faults and whole worlds on virtual time."""

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from halfopen import errors
from halfopen.model import Fault, Kind, Target
from halfopen.policy import Credential, Journey, JourneyOptions, PolicyOptions, TargetState

HERE = Path(__file__).parent


def _load(name: str) -> ModuleType:
    """A plain module of this folder, under a name of its own."""
    full = f"policy_tests_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, HERE / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


@pytest.fixture(scope="session")
def virtual() -> ModuleType:
    """The driver on virtual time."""
    return _load("virtual_time")


@pytest.fixture(scope="session")
def outage() -> ModuleType:
    """The scenarios on virtual time, and the figures that they give."""
    return _load("outage")


@pytest.fixture(scope="session")
def examples() -> Callable[[int], int]:
    """How many examples to try: a quick number, times HALFOPEN_EXAMPLES."""
    return lambda quick: quick * int(os.environ.get("HALFOPEN_EXAMPLES", "1"))


@pytest.fixture(scope="session")
def target() -> Callable[..., Target]:
    """A target by its provider's name."""
    return lambda provider="a", model="m": Target(provider, model, "openai")


@pytest.fixture(scope="session")
def fault() -> Callable[..., Fault]:
    """A fault of one kind."""

    def build(kind: Kind = Kind.SERVER_ERROR, **fields: Any) -> Fault:
        return errors.make(kind, **fields)

    return build


@pytest.fixture(scope="session")
def state_of() -> Callable[..., TargetState]:
    """The shared state of a target, with entropy that always draws the same number."""

    def build(
        provider: str = "a",
        *,
        options: PolicyOptions | None = None,
        draw: float = 0.5,
        now: float = 0.0,
        credential: Credential | None = None,
    ) -> TargetState:
        policy = PolicyOptions() if options is None else options
        key = Credential(policy.parking) if credential is None else credential
        return TargetState(Target(provider, "m", "openai"), key, policy, lambda: draw, now)

    return build


@pytest.fixture(scope="session")
def journey_over() -> Callable[..., Journey]:
    """A journey over some targets, with entropy that always draws the same number."""

    def build(
        *states: TargetState,
        options: JourneyOptions | None = None,
        draw: float = 0.5,
        stream: bool = False,
        unfit: Callable[[Target], str | None] = lambda _target: None,
    ) -> Journey:
        return Journey(
            states,
            options=JourneyOptions() if options is None else options,
            retry=PolicyOptions().retry,
            entropy=lambda: draw,
            stream=stream,
            unfit=unfit,
        )

    return build
