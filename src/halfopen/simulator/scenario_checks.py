"""What the tables of a scenario file must agree on: names, times, and what belongs together."""

from collections.abc import Mapping, Sequence
from math import fsum
from types import MappingProxyType
from typing import Any, Final

from msgspec import UNSET

from halfopen.rollout.place import Path, quoted
from halfopen.rollout.problem import Findings, did_you_mean
from halfopen.simulator.scenario_file import ClientTable, ExpectTable, FaultTable, PhaseTable, ScenarioTable

REQUESTS_MAX: Final = 10_000_000
"""A scenario with more would not end on anybody's machine."""
EVERY_MIN_S: Final = 0.1
"""A fault that came back sooner would cost more time than all requests, or stand still."""
USES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "error": ("share", "status", "after_s", "every_s"),
        "hang": ("share", "every_s"),
        "stall": ("every_s",),
        "slow": ("factor", "factor_end", "every_s"),
        "capacity": ("factor", "factor_end", "every_s"),
        "drip": ("share", "after_s", "every_s"),
        "cut": ("share", "every_s"),
        "empty": ("share", "every_s"),
        "key": ("after_s", "every_s"),
        "cold": (),
        "scale_in": ("every_s",),
    }
)
"""The keys that a kind of fault heeds, beside upstream, kind and times."""
_MOVES: Final = ("factor", "factor_end")
FIGURES: Final = (
    "requests",
    "success_rate",
    "amplification",
    "failovers",
    "p50_s",
    "p99_s",
    "recovery_s",
    "cost",
    "p99_healthy_s",
    "p99_settled_s",
)
"""What can be expected of a policy. `success_rate.NAME` is that of one group of clients."""


def check(
    tables: ScenarioTable, data: Mapping[str, Any], policies: Sequence[str], findings: Findings
) -> None:
    """Note everything that does not agree.

    Args:
        tables: The whole file; each table in itself is in order.
        data: The file as it was written: what is given and what is a default.
        policies: The names that expectations may speak of.
        findings: Where problems are noted.
    """
    if not tables.upstreams:
        findings.add(("upstreams",), "there is no upstream", "add [upstreams.NAME]")
    if not tables.clients:
        findings.add(("clients",), "there are no clients", "add [clients.NAME]")
    _check_times(tables, findings)
    for name, upstream in tables.upstreams.items():
        scaler = upstream.autoscaler
        if scaler is not UNSET:
            _check_scaler(name, upstream.servers, scaler.min, scaler.max, findings)
    for name, client in tables.clients.items():
        _check_client(name, client, tables, findings)
    given = data.get("faults", [])
    for index, fault in enumerate(tables.faults):
        keys = given[index] if index < len(given) and isinstance(given[index], Mapping) else {}
        _check_fault(index, fault, keys, tables, findings)
    for index, expected in enumerate(tables.expect):
        _check_expected(index, expected, tables, policies, findings)


def _check_times(tables: ScenarioTable, findings: Findings) -> None:
    if tables.healthy_until_s > tables.duration_s:
        findings.add(("healthy_until_s",), f"is after the end at {tables.duration_s:g} s", "make it earlier")
    _check_requests(tables, findings)


def _check_requests(tables: ScenarioTable, findings: Findings) -> None:
    """A run must end: the load goes on until the last request is over, which takes a deadline at most."""
    goes_on_s = max((client.deadline_s for client in tables.clients.values()), default=0.0)
    requests = 0.0
    for client in tables.clients.values():
        for phase in client.phases:
            requests += _requests(phase)
            if phase.until_s >= tables.duration_s:
                requests += goes_on_s * _rate_end(phase)
        answer_s = min(
            (tables.upstreams[name].first_token_s for name in client.targets if name in tables.upstreams),
            default=1.0,
        )
        requests += client.clients * (tables.duration_s + goes_on_s) / (client.think_s + answer_s)
    if requests > REQUESTS_MAX:
        message = f"the clients may make {requests:.0f} requests, more than {REQUESTS_MAX}"
        hint = "lower the rates, clients or times; until the last deadline is over, the load goes on"
        findings.add(("clients",), message, hint)


def _requests(phase: PhaseTable) -> float:
    return (phase.until_s - phase.from_s) * (phase.rate + _rate_end(phase)) / 2.0


def _rate_end(phase: PhaseTable) -> float:
    return phase.rate if phase.rate_end is UNSET else phase.rate_end


def _check_scaler(name: str, servers: int, low: int, high: int, findings: Findings) -> None:
    path: Path = ("upstreams", name, "autoscaler")
    if low > high:
        findings.add((*path, "min"), f"is {low}, more than max, {high}", "make min the smaller one")
    elif not low <= servers <= high:
        message = f"the upstream starts with {servers} servers, which is not between {low} and {high}"
        findings.add(path, message, f"set servers of upstreams.{name}, or widen min and max")


def _check_client(name: str, client: ClientTable, tables: ScenarioTable, findings: Findings) -> None:
    path: Path = ("clients", name)
    for index, target in enumerate(client.targets):
        place = (*path, "targets", index)
        if target not in tables.upstreams:
            hint = did_you_mean(target, tables.upstreams)
            findings.add(place, f"there is no upstream {quoted(target)}", hint)
        elif target in client.targets[:index]:
            findings.add(place, f"{quoted(target)} is there twice", "leave one out")
    if not client.phases and not client.clients:
        hint = "add phases = [{ from_s = 0, until_s = ..., rate = ... }], or clients = ..."
        findings.add(path, "nobody asks for anything", hint)
    elif not client.clients and 0.0 <= (asked := fsum(map(_requests, client.phases))) < 1.0:
        # A group without requests has no success, so nothing expected of it could be checked.
        message = f"its phases come to {asked:.2g} requests, less than one"
        findings.add((*path, "phases"), message, "raise a rate, or make a phase longer")
    for index, phase in enumerate(client.phases):
        _check_phase(phase, (*path, "phases", index), tables.duration_s, findings)


def _check_phase(phase: PhaseTable, path: Path, duration_s: float, findings: Findings) -> None:
    if phase.until_s <= phase.from_s:
        findings.add((*path, "until_s"), "is not after from_s", "make it later")
    elif phase.until_s > duration_s:
        message = f"is {phase.until_s:g}, after the scenario's end at {duration_s:g} s"
        findings.add((*path, "until_s"), message, "make it earlier, or duration_s longer")


def _check_fault(
    index: int, fault: FaultTable, given: Mapping[str, Any], tables: ScenarioTable, findings: Findings
) -> None:
    path: Path = ("faults", index)
    upstream = tables.upstreams.get(fault.upstream)
    if upstream is None:
        hint = did_you_mean(fault.upstream, tables.upstreams)
        findings.add((*path, "upstream"), f"there is no upstream {quoted(fault.upstream)}", hint)
    elif fault.kind == "scale_in" and upstream.autoscaler is UNSET:
        hint = f"add [upstreams.{fault.upstream}.autoscaler]"
        findings.add(path, f"{quoted(fault.upstream)} has no autoscaler that could be mispatched", hint)
    elif fault.kind == "cold" and upstream.cache is UNSET:
        hint = f"add [upstreams.{fault.upstream}.cache]"
        findings.add(path, f"{quoted(fault.upstream)} has no cache that could be lost", hint)
    _check_fault_times(path, fault, tables, findings)
    if 0.0 < fault.every_s < EVERY_MIN_S:
        findings.add(
            (*path, "every_s"), f"is {fault.every_s:g}, which is neither 0 nor at least {EVERY_MIN_S}"
        )
    uses = USES[fault.kind]
    for key in given:
        if key not in uses and key in FaultTable.__struct_fields__[4:]:
            known = ", ".join(uses) or "none of its own"
            findings.add(
                (*path, key), f"a fault of kind {quoted(fault.kind)} has no use for it", f"it heeds {known}"
            )
    _check_factor(path, fault, given, findings)
    if fault.kind == "drip" and fault.after_s <= 0:
        findings.add((*path, "after_s"), "a drip needs a time between two tokens", "set it above 0")


def _check_fault_times(path: Path, fault: FaultTable, tables: ScenarioTable, findings: Findings) -> None:
    if fault.from_s < tables.healthy_until_s:
        message = f"is before healthy_until_s, {tables.healthy_until_s:g} s"
        findings.add((*path, "from_s"), message, "begin later, or make healthy_until_s earlier")
    if fault.from_s > tables.duration_s:
        message = f"is after the scenario's end at {tables.duration_s:g} s"
        findings.add((*path, "from_s"), message, "make it earlier, or duration_s longer")
    elif fault.until_s is UNSET:
        if fault.kind != "cold":
            findings.add(path, '"until_s" is missing', "say when the fault ends")
    elif fault.until_s <= fault.from_s and fault.kind != "cold":
        findings.add((*path, "until_s"), "is not after from_s", "make it later")
    elif fault.until_s > tables.duration_s:
        message = f"is {fault.until_s:g}, after the scenario's end at {tables.duration_s:g} s"
        findings.add((*path, "until_s"), message, "make it earlier, or duration_s longer")


def _check_factor(path: Path, fault: FaultTable, given: Mapping[str, Any], findings: Findings) -> None:
    if fault.kind not in ("slow", "capacity"):
        return
    if not any(key in given for key in _MOVES):
        findings.add(path, f"a fault of kind {quoted(fault.kind)} needs a factor", "add factor = ...")
    for key in _MOVES:
        value = getattr(fault, key)
        if value is UNSET or key not in given:
            continue
        if fault.kind == "slow" and value <= 0:
            findings.add((*path, key), "must be above 0 for slow", "2 is twice as long")
        elif fault.kind == "capacity" and value > 1:
            findings.add((*path, key), "must be at most 1 for capacity", "0.5 is half of the servers")


def _check_expected(
    index: int,
    expected: ExpectTable,
    tables: ScenarioTable,
    policies: Sequence[str],
    findings: Findings,
) -> None:
    path: Path = ("expect", index)
    if expected.policy not in policies:
        hint = did_you_mean(expected.policy, policies)
        findings.add((*path, "policy"), f"there is no policy {quoted(expected.policy)}", hint)
    figure, dot, group = expected.figure.partition(".")
    if figure not in FIGURES or (dot and figure != "success_rate"):
        findings.add(
            (*path, "figure"), f"{quoted(expected.figure)} is not a figure", did_you_mean(figure, FIGURES)
        )
    elif dot and group not in tables.clients:
        hint = did_you_mean(group, tables.clients)
        findings.add((*path, "figure"), f"there is no group of clients {quoted(group)}", hint)
    elif figure == "recovery_s" and not tables.faults:
        findings.add((*path, "figure"), "there is no fault to recover from", "add [[faults]]")
    low, high = expected.at_least, expected.at_most
    if figure == "success_rate":
        for key, bound in (("at_least", low), ("at_most", high)):
            if bound is not UNSET and not 0.0 <= bound <= 1.0:
                message = f"is {bound:g}, but a success rate is between 0 and 1"
                findings.add((*path, key), message, "0.99 is 99 %")
    if low is UNSET and high is UNSET:
        findings.add(path, "nothing is expected", "add at_least, at_most or both")
    elif low is not UNSET and high is not UNSET and low > high:
        findings.add((*path, "at_least"), "is more than at_most", "make it the smaller one")
