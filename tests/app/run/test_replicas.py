"""Two whole gateways that share a provider's rate limit and its keys by a real Redis."""

import asyncio
import itertools
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from halfopen.lab.ports import free_port

pytestmark = pytest.mark.server("redis-server")

PER_SECOND = 20
BURST = 10 * PER_SECOND
"""What 10 s bring may go at once."""
CONFIGURATION = """
[gateway]
port = {port}

[processes]
workers = 2
replicas = 2
state_dir = "{state}"

[redis]
url = "${{REDIS_URL}}"

[providers.p]
dialect = "openai"
base_url = "http://127.0.0.1:{vendor}/v1"
key = "${{LAB_KEY}}"
requests_per_minute = {per_minute}

[providers.spare]
dialect = "openai"
base_url = "http://127.0.0.1:{spare}/v1"

[routes.m]
targets = {targets}
deadline_s = 20
"""
ANSWER = json.dumps(
    {
        "id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
).encode()  # fmt: skip
REFUSAL = json.dumps(
    {
        "error": {
            "message": "Incorrect API key provided",
            "type": "invalid_request_error",
            "code": "invalid_api_key",
        }
    }
).encode()


class Vendor:
    """Answers at once, and notes when it was asked."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.refuses = False
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port := free_port())
        return port

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
                self.asked.append(asyncio.get_running_loop().time())
                status, body = (b"401 Unauthorized", REFUSAL) if self.refuses else (b"200 OK", ANSWER)
                start = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
                writer.write(start % (status, len(body)) + body)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()

    def used(self, since: float, until: float) -> float:
        """Of the limit's rate, in this time."""
        return sum(since <= at < until for at in self.asked) / (until - since) / PER_SECOND

    def most_above(self, since: float) -> float:
        """By how many requests the limit's rate was passed in any span of time after `since`."""
        times = [at for at in self.asked if at >= since]
        above = most = 0.0
        for before, at in itertools.pairwise(times):
            above = max(above - (at - before) * PER_SECOND, 0.0) + 1
            most = max(most, above)
        return most


class Pair:
    """Two gateways, their Redis and their vendor."""

    def __init__(self, stage: Any, redis: "subprocess.Popen[bytes]", url: str) -> None:
        self.stage = stage
        self.redis = redis
        self.url = url
        self.vendor, self.spare = Vendor(), Vendor()
        self.gateways: list[Any] = []

    async def start(self, targets: str, per_minute: int = PER_SECOND * 60) -> None:
        vendor, spare = await self.vendor.start(), await self.spare.start()
        files = [self.stage.folder / f"{name}.toml" for name in ("one", "two")]
        for file in files:
            file.write_text(
                CONFIGURATION.format(
                    port=free_port(), state=file.with_suffix(""), vendor=vendor, spare=spare,
                    targets=targets, per_minute=per_minute,
                )
            )  # fmt: skip
        runs = [self.stage.run("--config", str(file), REDIS_URL=self.url) for file in files]
        self.gateways += await asyncio.gather(*runs)

    async def status(self, number: int) -> dict[str, Any]:
        """What `halfopen status --json` says of the sharing, and of the workers."""
        from halfopen.app.processes.asking import NoAnswerError, ask
        from halfopen.app.processes.messages import Ask
        from halfopen.app.processes.state_directory import StateDirectory

        state = StateDirectory(Path(self.stage.folder) / ("one", "two")[number])
        try:
            answer = await asyncio.to_thread(ask, state.socket_path, Ask("status"))
        except NoAnswerError:
            return {}
        return {**answer.data["replicas"], "workers": answer.data["workers"]}

    async def until(self, condition: Callable[[dict[str, Any]], bool], most_s: float = 20.0) -> None:
        """Until both say so."""
        loop = asyncio.get_running_loop()
        until = loop.time() + most_s
        while True:
            states = [await self.status(number) for number in (0, 1)]
            if all(state and condition(state) for state in states):
                return
            assert loop.time() < until, states
            await asyncio.sleep(0.05)


@pytest.fixture
def pair(program: Any, play: Any, tmp_path: Path) -> Any:
    """Runs a coroutine function with two gateways to be started: `pair(scene)`."""

    def run(scene: Any) -> None:
        port = free_port()
        command = (program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", "")
        redis = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=tmp_path)

        async def main(stage: Any) -> None:
            it = Pair(stage, redis, f"redis://127.0.0.1:{port}/0")
            try:
                await scene(it)
            finally:
                await it.vendor.stop()
                await it.spare.stop()

        try:
            play(main)
        finally:
            redis.kill()
            redis.wait(10)

    return run


async def passes(seconds: float) -> None:
    """Load runs meanwhile."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while loop.time() < until:  # noqa: ASYNC110 - what is waited for is time itself
        await asyncio.sleep(0.05)


@pytest.mark.alone  # a worker that is not let run for a second makes up for it in the next
def test_together_they_keep_the_limit(pair: Any, kit: Any) -> None:
    """Far more is asked than the vendor allows, mostly of one gateway; then of the other; Redis freezes and
    comes back: never more than the rate and one allowance for each, and hardly less."""

    async def scene(it: Pair) -> None:
        loop = asyncio.get_running_loop()
        await it.start('["p/m"]')
        # One that was alone for 3 s has all of the limit, and gives half of it up when the other comes.
        await it.until(lambda state: state["gateways"] == 2 and state["parts"]["p"] == 0.5)
        began = loop.time()
        many = kit.load(it.gateways[0].port, 60, keep_alive=True)
        few = kit.load(it.gateways[1].port, 6, keep_alive=True)
        await it.until(lambda state: state["redis"] == "ok" and state["gateways"] == 2)
        await passes(4.0)  # the allowances are used up
        settled = loop.time()
        first = many.answered, few.answered
        await passes(4.0)
        by_many, by_few = many.answered - first[0], few.answered - first[1]
        frozen_at = loop.time()
        it.redis.send_signal(kit.signal.SIGSTOP)
        await passes(4.5)
        frozen = [await it.status(number) for number in (0, 1)]
        it.redis.send_signal(kit.signal.SIGCONT)
        await it.until(lambda state: state["redis"] == "ok")
        await passes(2.0)
        ended = loop.time()
        await asyncio.gather(many.stop(), few.stop())
        used = [it.vendor.used(settled, until) for until in (frozen_at, ended)]
        assert (many.failures, few.failures) == ([], [])
        assert [state["redis"] for state in frozen] == ["gone", "gone"]
        assert [state["parts"]["p"] for state in frozen] == [0.5, 0.5]
        assert it.vendor.most_above(began) <= 1.1 * BURST
        assert it.vendor.most_above(settled) <= BURST / 10
        assert used[0] > 0.9
        # Nothing is raised in the first 3 s without Redis, nor in the first 3 s with it.
        assert used[1] > 0.7
        assert by_many > 2 * by_few

    pair(scene)


def test_a_refused_key_is_not_tried_by_the_other(pair: Any, kit: Any) -> None:
    """One gateway learns that the key is bad; when the other's workers have heard it, they don't ask with it."""

    async def scene(it: Pair) -> None:
        await it.start('["p/m", "spare/m"]')
        await it.until(lambda state: state["redis"] == "ok" and state["gateways"] == 2)
        it.vendor.refuses = True
        client = await kit.client.connect(it.gateways[0].port)
        assert (await client.ask())[0] == 200
        assert len(it.vendor.asked) == 1
        await it.until(lambda state: [row.get("parked") for row in state["workers"]] == [1, 1])
        others = [await kit.client.connect(it.gateways[1].port) for _ in range(8)]
        for each in (client, *others):
            assert (await each.ask())[0] == 200
        assert len(it.vendor.asked) == 1
        assert len(it.spare.asked) == 10
        for each in (client, *others):
            each.leave()

    pair(scene)
