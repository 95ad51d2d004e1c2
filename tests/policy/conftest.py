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
from halfopen.model import Capabilities, Fault, Kind, Target
from halfopen.policy import Credential, Journey, JourneyOptions, PolicyOptions, TargetState
from halfopen.policy import actions as act
from halfopen.policy.target import Permit

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
        **capabilities: Any,
    ) -> TargetState:
        policy = PolicyOptions() if options is None else options
        key = Credential(policy.parking) if credential is None else credential
        target = Target(provider, "m", "openai", Capabilities(**capabilities))
        return TargetState(target, key, policy, lambda: draw, now)

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
        resumable: Callable[[], str | None] | None = None,
        may_repeat: Callable[[Fault], bool] | None = None,
    ) -> Journey:
        return Journey(
            states,
            options=JourneyOptions() if options is None else options,
            retry=PolicyOptions().retry,
            entropy=lambda: draw,
            stream=stream,
            unfit=unfit,
            resumable=resumable,
            may_repeat=may_repeat,
        )

    return build


# What tests read from actions, and do to targets.


@pytest.fixture(scope="session")
def names() -> Callable[[list[act.Action]], list[str]]:
    """The names of actions."""
    return lambda actions: [type(action).__name__ for action in actions]


@pytest.fixture(scope="session")
def only() -> Callable[[list[act.Action]], Any]:
    """The one action of a list."""

    def one(actions: list[act.Action]) -> Any:
        assert len(actions) == 1, actions
        return actions[0]

    return one


@pytest.fixture(scope="session")
def sent_to() -> Callable[[list[act.Action]], str]:
    """The provider that a call goes to."""

    def provider(actions: list[act.Action]) -> str:
        sent = [action for action in actions if not isinstance(action, act.Cancel)]
        assert len(sent) == 1, actions
        assert isinstance(sent[0], act.Send | act.ContinueOn), actions
        return sent[0].target.provider

    return provider


@pytest.fixture(scope="session")
def fill() -> Callable[[TargetState], Any]:
    """Take a permit and keep it."""
    return lambda state: state.admit(0.0, only_choice=True)


@pytest.fixture(scope="session")
def kill() -> Callable[[TargetState, Fault], None]:
    """Make an outage of a target, and have it confirmed."""

    def confirm(state: TargetState, fault: Fault) -> None:
        now = 0.0
        for _ in range(40):
            admitted = state.admit(now, only_choice=True)
            if isinstance(admitted, Permit):
                state.settle_fault(admitted, fault, now)
            else:
                now = admitted.until
            if state.breaker.is_outage_confirmed and state.breaker.retry_at(now, only_choice=True) > now:
                return
        raise AssertionError("still not dead")

    return confirm
