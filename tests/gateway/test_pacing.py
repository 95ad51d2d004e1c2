"""Rate limits that a provider tells in its headers are kept, instead of being run into."""

import asyncio
from typing import Any

import pytest

from halfopen.policy import JourneyOptions

PER_SECOND = 20
CALLS = 30
TICK_S = 0.01
REFUSED = b'{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}'


class Strict:
    """An upstream with a limit of requests a second for each key: who passes it gets 429.

    Its first `keys` answers come together, so that as many keys are in use at the same time.
    """

    def __init__(self, kit: Any, keys: int) -> None:
        self.kit = kit
        self._awaited = keys
        self._begun = asyncio.Event()
        self.served = 0
        self.refused = 0
        self._left: dict[bytes, float] = {}
        self._seen: dict[bytes, float] = {}

    async def script(self, peer: Any) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await peer.request()
            self._awaited -= 1
            if not self._awaited:
                self._begun.set()
            await self._begun.wait()
            key, now = peer.head.partition(b"authorization: ")[2].partition(b"\r")[0], loop.time()
            gained = (now - self._seen.get(key, now)) * PER_SECOND
            left = min(PER_SECOND, self._left.get(key, PER_SECOND) + gained)
            self._seen[key] = now
            good = left >= 1
            self._left[key] = left = left - 1 if good else left
            self.served += good
            self.refused += not good
            # Together tells the limits of a second so.
            told = (
                f"x-ratelimit-limit: {PER_SECOND}",
                f"x-ratelimit-remaining: {int(left)}",
                "x-tokenlimit-limit: 1000000",
                "x-tokenlimit-remaining: 1000000",
            )
            status = "200 OK" if good else "429 Too Many Requests"
            peer.send(self.kit.ok(self.kit.ok_body if good else REFUSED, *told, status=status))


async def delays(total: list[float]) -> None:
    """Adds up for how long the machine let others run: that is nobody's fault here."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + TICK_S
        await asyncio.sleep(TICK_S)
        total[0] += loop.time() - due


@pytest.mark.alone
@pytest.mark.parametrize("keys", [1, 2], ids=["one key", "two keys"])
def test_a_limit_told_in_headers_is_kept(play: Any, kit: Any, keys: int) -> None:
    """The first answer tells it; from then on requests wait for their turn, and none is refused."""

    async def scene(stage: Any) -> None:
        vendor = Strict(kit, keys)
        more_keys = ("sk-proj-0a1b2c3d4e5f60718293",)[: keys - 1]
        options = JourneyOptions(deadline_s=8, attempt_s=4)
        upstream = await stage.upstream(vendor.script)
        gateway = await stage.gateway(upstream, options=options, more_keys=more_keys)

        async def one() -> int:
            return int((await (await stage.client(gateway)).ask(kit.post(kit.chat()))).status)

        assert await asyncio.gather(*(one() for _ in range(keys))) == [200] * keys
        accounts = gateway.runtime.routes["m"].states[0].accounts
        assert all(account.pacer.knows_limits for account in accounts)
        loop, delayed_s = asyncio.get_running_loop(), [0.0]
        watch = loop.create_task(delays(delayed_s))
        began = loop.time()
        assert await asyncio.gather(*(one() for _ in range(CALLS * keys))) == [200] * (CALLS * keys)
        assert (vendor.served, vendor.refused) == ((CALLS + 1) * keys, 0)
        took_s = loop.time() - began
        watch.cancel()
        assert took_s - delayed_s[0] < 2.5
        assert gateway.runtime.waiting == 0

    play(scene)


def test_headers_without_limits_teach_nothing(play: Any, kit: Any) -> None:
    """The pacer of a provider that tells nothing costs nothing."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.upstream(kit.answering(kit.ok())))
        assert (await (await stage.client(gateway)).ask(kit.post(kit.chat()))).status == 200
        (account,) = gateway.runtime.routes["m"].states[0].accounts
        assert not account.pacer.knows_limits

    play(scene)


def test_limits_of_the_configuration_are_kept_from_the_start(play: Any, kit: Any) -> None:
    """Each model behind each key has its own."""
    from dataclasses import replace

    from halfopen.gateway.runtime import Runtime
    from halfopen.policy.options import PacerOptions

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab(), more_keys=("sk-proj-0a1b2c3d4e5f60718293",))
        runtime = gateway.runtime
        limited = replace(
            runtime.snapshot.providers["p0"],
            model_limits=(("gpt-4o-mini", PacerOptions(requests_per_minute=60)),),
        )
        snapshot = replace(runtime.snapshot, providers={"p0": limited})
        secrets = {"KEY": kit.key, "KEY0": "x" * 20}
        other = Runtime(snapshot, secrets, runtime.surroundings, asyncio.get_running_loop())
        knows = {
            route.states[0].target.model: [each.pacer.knows_limits for each in route.states[0].accounts]
            for route in (other.routes["m"], other.relays["*"])
        }
        assert knows == {"gpt-4o-mini": [True, True], "*": [False, False]}
        other.close()

    play(scene)
