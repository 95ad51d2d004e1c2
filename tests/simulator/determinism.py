"""Same seed, same bytes: every packaged scenario, in processes that differ in what must not matter.

Each run is a process of its own, with another PYTHONHASHSEED or another Python (`scripts/python312.sh` finds
3.12). It prints a fingerprint of the trace and of the report as JSON for every scenario and policy. The exit
status is 1 when two runs differ. `make determinism` runs it; `--share` shortens the scenarios.
"""

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from halfopen.app.simulation import find_scenario, packaged
from halfopen.model import Target
from halfopen.seams import Entropy
from halfopen.simulator.report import Report
from halfopen.simulator.run import simulate
from halfopen.simulator.scenario import ClientSpec, FaultSpec, Phase, Scenario
from halfopen.simulator.strategies import STRATEGIES
from halfopen.simulator.strategy import MakeStrategy, Strategy

POLICIES = ("halfopen", "sdk")
HASH_SEEDS = ("0", "1")
SHORTEST_S = 1.0
_TIMEOUT_S = 3600.0
_NAMES = ("primary", "backup", "a", "b", "app", "chat", "code", "bulk")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What one run gave."""

    scenario: str
    policy: str
    requests: int
    trace_sha256: str
    json_sha256: str
    """Of the whole report: figures and series."""


@dataclass(frozen=True, slots=True)
class Process:
    """Where runs take place."""

    python: str
    hash_seed: str

    @property
    def name(self) -> str:
        """For people."""
        return f"{Path(self.python).parent.parent.name} hash seed {self.hash_seed}"


# Planted bugs: policies that depend on the process they run in.


def _delayed(draws: Callable[[], int]) -> MakeStrategy:
    """Halfopen, whose entropy begins so many draws later."""

    def make(targets: Sequence[Target], entropy: Entropy, now: float) -> Strategy:
        for _ in range(draws()):
            entropy()
        return STRATEGIES["halfopen"].make(targets, entropy, now)

    return make


def _by_set() -> int:
    """How far it is in a set of names to the first: their order is that of their hashes."""
    names = set(_NAMES)
    for place, name in enumerate(names):
        if name == _NAMES[0]:
            return place
    raise AssertionError("it is one of them")


def _by_hash() -> int:
    """The hash of a name, which every process begins anew."""
    return hash(_NAMES[0]) % 13


PLANTED: Final[Mapping[str, MakeStrategy]] = {
    "planted-set": _delayed(_by_set),
    "planted-hash": _delayed(_by_hash),
}


# One process.


def shortened(scenario: Scenario, share: float) -> Scenario:
    """The same in less time: all of its times, but not those of upstreams and clients, are multiplied."""
    if share >= 1.0:
        return scenario
    share = max(share, SHORTEST_S / scenario.duration_s)

    def phase(each: Phase) -> Phase:
        return replace(each, from_s=each.from_s * share, until_s=each.until_s * share)

    def client(each: ClientSpec) -> ClientSpec:
        return replace(each, phases=tuple(phase(one) for one in each.phases))

    def fault(each: FaultSpec) -> FaultSpec:
        return replace(each, from_s=each.from_s * share, until_s=each.until_s * share)

    return replace(
        scenario,
        duration_s=scenario.duration_s * share,
        healthy_until_s=scenario.healthy_until_s * share,
        clients=tuple(client(each) for each in scenario.clients),
        faults=tuple(fault(each) for each in scenario.faults),
    )


def json_bytes(report: Report) -> bytes:
    """A report as JSON: floats in full, keys in the order in which they came."""
    plain = asdict(report)
    del plain["trace"]
    return json.dumps(plain, separators=(",", ":")).encode()


def fingerprint(scenario: Scenario, policy: str) -> Fingerprint:
    """Run a policy in a scenario here."""
    make = PLANTED.get(policy) or STRATEGIES[policy].make

    def streams(name: str) -> Entropy:
        return random.Random(f"{scenario.seed}:{name}").random

    report = simulate(scenario, make, policy, streams)
    return Fingerprint(
        scenario.name,
        policy,
        report.figures.requests,
        report.trace_sha256,
        hashlib.sha256(json_bytes(report)).hexdigest(),
    )


def work(names: Sequence[str], policies: Sequence[str], share: float) -> None:
    """Print every fingerprint as a line of JSON."""
    for name in names:
        scenario = shortened(find_scenario(name), share)
        for policy in policies:
            say(json.dumps(asdict(fingerprint(scenario, policy))))


# All of them.


def run(process: Process, names: Sequence[str], policies: Sequence[str], share: float) -> list[Fingerprint]:
    """Run everything in a process. Raises RuntimeError with what it said when it fails."""
    command = [process.python, __file__, "--worker", "--share", repr(share)]
    command += [part for name in names for part in ("--only", name)]
    command += [part for policy in policies for part in ("--policy", policy)]
    environment = {**os.environ, "PYTHONHASHSEED": process.hash_seed}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{process.name} ended with status {done.returncode}: {done.stderr[-2000:]}")
    return [Fingerprint(**json.loads(line)) for line in done.stdout.splitlines()]


def differences(results: Mapping[str, Sequence[Fingerprint]]) -> list[str]:
    """Where processes disagree, in words."""
    (first, expected), *others = results.items()
    found = []
    for name, prints in others:
        if len(prints) != len(expected):
            found.append(f"{name} ran {len(prints)}, {first} {len(expected)}")
        for ours, theirs in zip(expected, prints, strict=False):
            for field in ("trace_sha256", "json_sha256"):
                if getattr(ours, field) != getattr(theirs, field):
                    found.append(f"{ours.scenario}, {ours.policy}: {field} of {name} is not that of {first}")
    return found


def say(line: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{line}\n")


def show(results: Mapping[str, Sequence[Fingerprint]], broken: Sequence[str]) -> None:
    """The report, for people: hashes by their first twelve digits."""
    say(f"compared: {'; '.join(results)}")
    say(f"{'scenario':20}{'policy':14}{'requests':>9}  {'trace':14}{'report':14}same")
    expected = next(iter(results.values()))
    for number, each in enumerate(expected):
        same = all(len(prints) > number and prints[number] == each for prints in results.values())
        say(
            f"{each.scenario:20}{each.policy:14}{each.requests:>9}  {each.trace_sha256[:12]:14}"
            f"{each.json_sha256[:12]:14}{'yes' if same else 'NO'}"
        )
    for line in broken:
        say(f"DIFFERENT {line}")
    say(f"{len(expected)} runs in {len(results)} processes each: {len(broken)} differences")


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare. 1: two processes differ."""
    parser = argparse.ArgumentParser(description="Same seed, same bytes.")
    parser.add_argument("--only", action="append", default=[], metavar="SCENARIO")
    parser.add_argument("--policy", action="append", default=[], metavar="NAME")
    parser.add_argument("--share", type=float, default=1.0, help="of the scenarios' time")
    parser.add_argument("--python", action="append", default=[], metavar="PATH", help="compare with it, too")
    parser.add_argument("--jobs", type=int, default=2, help="processes at the same time")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    names, policies = options.only or packaged(), options.policy or POLICIES
    if options.worker:
        work(names, policies, options.share)
        return 0
    processes = [Process(sys.executable, seed) for seed in HASH_SEEDS]
    processes += [Process(python, HASH_SEEDS[0]) for python in options.python if python]
    with ThreadPoolExecutor(options.jobs) as pool:
        every = pool.map(lambda process: run(process, names, policies, options.share), processes)
        results = {process.name: prints for process, prints in zip(processes, every, strict=True)}
    broken = differences(results)
    if options.json:
        plain: dict[str, Any] = {name: [asdict(each) for each in each_] for name, each_ in results.items()}
        say(json.dumps({"processes": plain, "differences": broken}, indent=2))
    else:
        show(results, broken)
    return 1 if broken or not results[processes[0].name] else 0


if __name__ == "__main__":
    sys.exit(main())
