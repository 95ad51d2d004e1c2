"""How fast the simulator is: a million requests through Halfopen's own policy, on one core.

    python tests/simulator/speed.py [--requests N] [--policy NAME] [--json]

2000 requests a second, half of them streams, to two upstreams with enough capacity, each the other's backup:
one answers 2 % of its calls with a 500, the other cuts 1 % of its streams. Prints the processor's time, and
which part of it the policy took and which the engine around it. Exit 1 when a million would take over 60 s.
"""

import argparse
import json
import random
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import halfopen
from halfopen.app.simulation.run import rare_collections
from halfopen.seams import Entropy
from halfopen.simulator.run import simulate
from halfopen.simulator.scenario import Scenario
from halfopen.simulator.strategies import STRATEGIES
from halfopen.simulator.toml import read_scenario

MILLION = 1_000_000
ALLOWED_S = 60.0
RATE = 2000
SAMPLE_S = 0.004
PACKAGE = Path(halfopen.__file__).parent
POLICY = (str(PACKAGE / "policy"), str(PACKAGE / "simulator" / "strategies"))
ENGINE = str(PACKAGE / "simulator")
SCENARIO = """
name = "speed"
title = "A million requests"
description = "Streams and plain answers, two upstreams, some errors."
duration_s = {duration_s}

[upstreams.primary]
servers = 12
slots = 100
first_token_s = 0.2
token_s = 0.002
slowdown = 0.5

[upstreams.backup]
servers = 12
slots = 100
first_token_s = 0.25
token_s = 0.002

[clients.chat]
targets = ["primary", "backup"]
deadline_s = 30
phases = [{{ from_s = 0, until_s = {duration_s}, rate = {rate} }}]

[clients.batch]
targets = ["backup", "primary"]
stream = false
deadline_s = 60
phases = [{{ from_s = 0, until_s = {duration_s}, rate = {rate} }}]

[[faults]]
upstream = "primary"
kind = "error"
share = 0.02
from_s = 0
until_s = {duration_s}

[[faults]]
upstream = "backup"
kind = "cut"
share = 0.01
from_s = 0
until_s = {duration_s}
"""


class Shares:
    """Whose code runs, looked at once in so much of the processor's time."""

    def __init__(self) -> None:
        self.policy = 0
        self.engine = 0

    def start(self) -> None:
        """Look from now on."""
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, SAMPLE_S, SAMPLE_S)

    def stop(self) -> None:
        """Look no more."""
        signal.setitimer(signal.ITIMER_PROF, 0.0)

    def _look(self, _number: int, frame: FrameType | None) -> None:
        """The innermost of the two decides: what the standard library does, it does for one of them."""
        while frame is not None:
            name = frame.f_code.co_filename
            if name.startswith(POLICY):
                self.policy += 1
                return
            if name.startswith(ENGINE):
                self.engine += 1
                return
            frame = frame.f_back

    @property
    def of_policy(self) -> float:
        """The policy's share of both."""
        return self.policy / max(1, self.policy + self.engine)


def measure(requests: int, policy: str) -> dict[str, float | str]:
    """Run the scenario with about so many requests."""
    duration_s = max(1.0, requests / RATE)
    scenario = read_scenario(SCENARIO.format(duration_s=duration_s, rate=RATE / 2))
    assert isinstance(scenario, Scenario), scenario

    def stream(name: str) -> Entropy:
        return random.Random(f"{scenario.seed}:{name}").random

    shares = Shares()
    shares.start()
    began_s = time.process_time()
    with rare_collections():
        report = simulate(scenario, STRATEGIES[policy].make, policy, stream)
    cpu_s = time.process_time() - began_s
    shares.stop()
    number = report.figures.requests
    return {
        "policy": policy,
        "requests": number,
        "cpu_s": round(cpu_s, 2),
        "us_a_request": round(cpu_s / number * 1e6, 2),
        "us_policy": round(cpu_s / number * 1e6 * shares.of_policy, 2),
        "us_engine": round(cpu_s / number * 1e6 * (1.0 - shares.of_policy), 2),
        "million_s": round(cpu_s / number * MILLION, 1),
        "success_rate": report.figures.success_rate or 0.0,
        "trace_sha256": report.trace_sha256,
    }


def main() -> int:
    """Measure, print, and say whether it was fast enough."""
    parser = argparse.ArgumentParser(description="How fast the simulator is.")
    parser.add_argument("--requests", type=int, default=MILLION, help="about so many; a million by default")
    parser.add_argument("--policy", choices=sorted(STRATEGIES), default="halfopen")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measure(max(1, asked.requests), asked.policy)
    if asked.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        sys.stdout.write(
            f"{found['requests']} requests in {found['cpu_s']} s of CPU, {found['us_a_request']} µs each: "
            f"{found['us_policy']} µs policy {found['policy']}, {found['us_engine']} µs engine. "
            f"A million: {found['million_s']} s, allowed {ALLOWED_S:.0f} s.\n"
        )
    return 0 if float(found["million_s"]) <= ALLOWED_S else 1


if __name__ == "__main__":
    sys.exit(main())
