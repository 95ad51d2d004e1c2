"""A real Prometheus scrapes a real gateway through an outage, while DogStatsD and OTLP are told of it as well.

`python tests/exporters/live_run.py [--seconds N] [--json]`. The gateway is `halfopen run` with simulated
providers, the dashboards and rules are those that `halfopen export` writes for its configuration. Exit status:
0 every query has data, every rule is evaluated and all counts are the clients' own; 1 not; 2 something did not
start.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from otlp_receiver import Kept, OtlpReceiver, plain
from statsd_grammar import Metric, parse

from halfopen.lab.drills.process import configuration, started
from halfopen.lab.ports import free_port
from halfopen.lab.server import LabProvider

FAULT = "openai_500_server_error"
CLIENTS = 4
PAUSE_S = 0.02
SETTLE_S = 15.0
START_S = 20.0
SETTINGS = """
[processes]
workers = 2

[dashboard]
port = {dashboard}

[objectives.answered]
target = 0.999

[objectives.quick]
promise = "first_token"
target = 0.95

[statsd]
host = "127.0.0.1"
port = {statsd}
every_s = 1

[otel]
endpoint = "{otlp}"
"""
SCRAPES = """
global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files: [rules.yaml]
scrape_configs:
  - job_name: halfopen
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""


class NotStartedError(Exception):
    """Something did not start."""


class Prometheus:
    """A server on a free port."""

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        program = shutil.which("prometheus", path="/usr/local/bin:/usr/bin:/bin")
        if program is None:
            raise NotStartedError("there is no prometheus; `make servers` installs it as root")
        self._out = (folder / "prometheus.log").open("wb")
        self._process = subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{self._port}",
                "--enable-feature=exemplar-storage",
            ],
            stdout=self._out,
            stderr=subprocess.STDOUT,
        )

    def ask(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self._port}/api/v1/{path}?{query}", timeout=10
        ) as answer:
            return json.load(answer)["data"]

    def ready(self) -> bool:
        try:
            self.ask("status/buildinfo")
        except OSError:
            return False
        return True

    def value(self, query: str) -> float | None:
        found = self.ask("query", query=query)["result"]
        return float(found[0]["value"][1]) if found else None

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._out.close()


class Clients:
    """Ask again and again, and keep a tally."""

    def __init__(self, address: str, model: str) -> None:
        host, _, port = address.removeprefix("http://").partition(":")
        self._place = (host, int(port))
        self._model = model
        self.tally: Counter[str] = Counter()
        self._over = False

    async def run(self) -> None:
        await asyncio.gather(*(self._client(number) for number in range(CLIENTS)))

    def stop(self) -> None:
        self._over = True

    async def _client(self, number: int) -> None:
        stream = number % 2 == 0
        body = json.dumps(
            {"model": self._model, "stream": stream, "messages": [{"role": "user", "content": "hello"}]}
        ).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\nconnection: close\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        while not self._over:
            reader, writer = await asyncio.open_connection(*self._place)
            writer.write(head.encode() + body)
            answer = await reader.read(-1)
            writer.close()
            self.tally["ok" if answer.startswith(b"HTTP/1.1 200") else "failed"] += 1
            await asyncio.sleep(PAUSE_S)


class Agent:
    """A DogStatsD agent: every datagram is read by the grammar."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]
        self.datagrams = 0
        self.requests = 0.0

    def read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                for each in parse(self._socket.recv(65_536)):
                    if isinstance(each, Metric) and each.name == "halfopen.requests":
                        self.requests += sum(each.values)
                self.datagrams += 1

    def close(self) -> None:
        self._socket.close()


def otlp_requests(kept: Kept) -> int:
    """Requests as the last report of each service says."""
    metrics = [metric for metric in kept.metrics() if metric.name == "halfopen.requests"]
    return sum(point.as_int for point in metrics[-1].sum.data_points) if metrics else 0


def otlp_histogram(kept: Kept) -> int:
    """The same, from the histogram that is made of rows."""
    metrics = [metric for metric in kept.metrics() if metric.name == "gen_ai.server.request.duration"]
    return sum(point.count for point in metrics[-1].histogram.data_points) if metrics else 0


def queries(folder: Path) -> Iterator[tuple[str, str]]:
    """Every query of every panel, with a place to find it by."""
    for path in sorted((folder / "grafana" / "dashboards").glob("*.json")):
        board = json.loads(path.read_text())
        for panel in board["panels"]:
            for target in panel["targets"]:
                query = target["expr"].replace("$__rate_interval", "10s")
                yield f"{board['title']} / {panel['title']}", re.sub(r"\$(route|target)", ".*", query)


def exported(folder: Path) -> None:
    """What the commands write for the gateway's configuration."""
    for verb, out in (("prometheus-rules", "rules.yaml"), ("grafana", "grafana"), ("datadog", "datadog")):
        command = [
            sys.executable,
            "-m",
            "halfopen",
            "export",
            verb,
            "--config",
            "halfopen.toml",
            "--out",
            out,
        ]
        environ = {**os.environ, "LAB_KEY": "sk-lab"}
        done = subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode:
            raise NotStartedError(f"halfopen export {verb}: {done.stderr}")


async def eventually(done: Callable[[], object], most_s: float) -> bool:
    until = time.monotonic() + most_s
    while not await asyncio.to_thread(done):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.05)
    return True


async def run(seconds: float) -> dict[str, Any]:
    """Health, outage and recovery, a third of the time each; then everybody is asked."""
    dashboard, agent = free_port(), Agent()
    with tempfile.TemporaryDirectory(prefix="halfopen-live-") as name, OtlpReceiver() as receiver:
        folder = Path(name)
        async with LabProvider("openai") as primary, LabProvider("anthropic") as spare:
            settings = SETTINGS.format(dashboard=dashboard, statsd=agent.port, otlp=receiver.endpoint)

            def written(port: int) -> str:
                text = configuration((primary, spare), port, settings)
                (folder / "halfopen.toml").write_text(text)
                return text

            async with started(written) as gateway:
                await asyncio.to_thread(exported, folder)
                rules = folder / "rules.yaml"
                rules.write_text(rules.read_text().replace('interval: "30s"', 'interval: "1s"'))
                (folder / "prometheus.yml").write_text(SCRAPES.format(port=dashboard))
                prometheus = Prometheus(folder)
                try:
                    return await course(
                        prometheus, gateway.address, primary, receiver.kept, agent, folder, seconds
                    )
                finally:
                    await asyncio.to_thread(prometheus.stop)
                    agent.close()


async def course(
    prometheus: Prometheus,
    address: str,
    primary: LabProvider,
    kept: Kept,
    agent: Agent,
    folder: Path,
    seconds: float,
) -> dict[str, Any]:
    up = "halfopen_worker_up"
    if not await eventually(lambda: prometheus.ready() and prometheus.value(f"sum({up})") == 2, START_S):
        raise NotStartedError((folder / "prometheus.log").read_text()[-2000:])
    model = re.search(r'\[routes\."(.+)"\]', (folder / "halfopen.toml").read_text())
    assert model is not None
    clients = Clients(address, model[1])
    asking = asyncio.create_task(clients.run())
    await asyncio.sleep(seconds / 3)
    primary.set_fault(FAULT)
    await asyncio.sleep(seconds / 3)
    primary.clear()
    await asyncio.sleep(seconds / 3)
    clients.stop()
    await asking
    asked = sum(clients.tally.values())
    counts: dict[str, float | None] = {}

    def agree() -> bool:
        agent.read()
        counts.update(
            prometheus=prometheus.value("sum(halfopen_requests_total)"),
            statsd=agent.requests,
            otlp_counts=otlp_requests(kept),
            otlp_histogram=otlp_histogram(kept),
            otlp_spans=len({span.trace_id for span in kept.spans() if span.kind == 2}),
        )
        return all(count == asked for count in counts.values())

    agreed = await eventually(agree, SETTLE_S)
    return await asyncio.to_thread(judged, prometheus, folder, clients.tally, counts, kept, agreed)


def judged(
    prometheus: Prometheus,
    folder: Path,
    tally: Counter[str],
    counts: dict[str, float | None],
    kept: Kept,
    agreed: bool,
) -> dict[str, Any]:
    now = time.time()
    asked = list(queries(folder))
    empty = [
        f"{place}: {query}"
        for place, query in asked
        if not prometheus.ask("query_range", query=query, start=str(now - 120), end=str(now), step="1")[
            "result"
        ]
    ]
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    ailing = [
        f"{rule['name']}: {rule.get('lastError') or rule['health']}"
        for rule in rules
        if rule["health"] != "ok"
    ]
    rescued = prometheus.value("sum(halfopen_requests_rescued_total)") or 0.0
    failed = {plain(span.attributes)["error.type"] for span in kept.spans() if span.status.code == 2}
    problems = [f"no data: {each}" for each in empty] + [f"rule: {each}" for each in ailing]
    if not agreed:
        problems.append(f"the clients counted {sum(tally.values())}, others {counts}")
    problems += openly(prometheus, now)
    if not rescued or failed != {"server_error"}:
        problems.append(f"the outage was not seen: {rescued:g} rescued, spans failed with {sorted(failed)}")
    return {
        "ok": not problems,
        "requests": sum(tally.values()),
        "tally": dict(tally),
        "counts": counts,
        "rescued": rescued,
        "queries": len(asked),
        "rules": len(rules),
        "problems": problems,
    }


def openly(prometheus: Prometheus, now: float) -> list[str]:
    """What is missing of that which only OpenMetrics tells: units, and requests that stand for others."""
    family = "halfopen_request_duration_seconds"
    units = [each["unit"] for each in prometheus.ask("metadata", metric=family).get(family, [])]
    found = prometheus.ask("query_exemplars", query=f"{family}_bucket", start=str(now - 120), end=str(now))
    ids = {exemplar["labels"].get("request_id", "") for series in found for exemplar in series["exemplars"]}
    problems = [] if units == ["seconds"] else [f"the unit of {family} is told as {units}"]
    if not ids or not all(each.startswith("ho-") for each in ids):
        problems.append(f"no requests stand for others: {sorted(ids)[:3]}")
    return problems


def told(report: dict[str, Any]) -> str:
    """The report for a person."""
    return "\n".join(
        (
            f"{report['requests']} requests, {report['rescued']:g} of them rescued; counts {report['counts']}",
            f"{report['queries']} queries of dashboards, {report['rules']} rules",
            *(report["problems"] or ["fine"]),
        )
    )


def main() -> int:
    """Run once, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="How long clients ask.")
    parser.add_argument("--json", action="store_true", help="Print JSON.")
    options = parser.parse_args()
    try:
        report = asyncio.run(run(options.seconds))
    except (NotStartedError, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write((json.dumps(report, indent=2) if options.json else told(report)) + "\n")
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
