"""A provider with several keys: one that is refused or out of its rate does not stop the others."""

from typing import Any

import pytest

SECOND = "sk-proj-0a1b2c3d4e5f60718293"
OUT_OF_RATE = (
    b'{"error":{"message":"Rate limit reached for requests","type":"requests","code":"rate_limit_exceeded"}}'
)
REFUSED = b'{"error":{"message":"Incorrect API key provided.","code":"invalid_api_key"}}'
NO_MONEY = b'{"error":{"message":"You exceeded your current quota.","code":"insufficient_quota"}}'
CASES = {
    "refused": (REFUSED, "401 Unauthorized"),
    "out of rate": (OUT_OF_RATE, "429 Too Many Requests"),
    "out of money": (NO_MONEY, "429 Too Many Requests"),
}


class Vendor:
    """An upstream that serves one key only, and remembers which were used."""

    def __init__(self, kit: Any, good: str, answer: tuple[bytes, str], *headers: str) -> None:
        self.kit = kit
        self.good = good
        self.answer = answer
        self.headers = headers
        self.used: list[str] = []

    async def script(self, peer: Any) -> None:
        body, status = self.answer
        while True:
            await peer.request()
            key = peer.head.partition(b"authorization: bearer ")[2].partition(b"\r")[0].decode()
            self.used.append(key)
            good = key == self.good
            peer.send(self.kit.ok() if good else self.kit.ok(body, *self.headers, status=status))


@pytest.mark.parametrize("case", CASES)
def test_another_key_serves_at_once(play: Any, kit: Any, case: str) -> None:
    """The client sees 200; the next requests don't go out with the key that was refused."""

    async def scene(stage: Any) -> None:
        vendor = Vendor(kit, SECOND, CASES[case], "retry-after: 30")
        gateway = await stage.gateway(await stage.upstream(vendor.script), more_keys=(f"{SECOND}\n",))
        client = await stage.client(gateway)
        for _ in range(6):
            assert (await client.ask(kit.post(kit.chat()))).status == 200
        assert vendor.used.count(kit.key) == 1
        assert vendor.used.count(SECOND) == 6
        first = stage.outcomes[0]
        assert [attempt.target for attempt in first.attempts] == ["p0/gpt-4o-mini"] * len(first.attempts)

    play(scene)


def test_no_key_of_a_pool_appears(play: Any, kit: Any) -> None:
    """When all are refused the client learns that, and sees none of them."""

    async def scene(stage: Any) -> None:
        vendor = Vendor(kit, "", (REFUSED.replace(b"provided", f"provided: {SECOND}".encode()), "401 No"))
        gateway = await stage.gateway(await stage.upstream(vendor.script), more_keys=(SECOND,))
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat()))
        assert response.assert_openai_error(response.status)["halfopen"]["kind"] == "bad_key"
        seen = repr((response.headers, response.body, stage.outcomes))
        assert kit.key not in seen
        assert SECOND not in seen
        assert set(vendor.used) == {kit.key, SECOND}

    play(scene)


def test_a_provider_without_keys_is_sent_none(play: Any, kit: Any) -> None:
    """A server of one's own may want none."""

    async def scene(stage: Any) -> None:
        from dataclasses import replace

        vendor = Vendor(kit, "", CASES["refused"])
        gateway = await stage.gateway(await stage.upstream(vendor.script))
        runtime = gateway.runtime
        spec = replace(runtime.providers["p0"].spec, key=None)
        assert type(runtime.providers["p0"])(spec, {}, runtime.loop).keys == (None,)
        assert runtime.providers["p0"].keys == (kit.key,)

    play(scene)
