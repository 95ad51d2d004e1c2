"""The dashboard of `halfopen run`: on the port after the gateway's, with the counts of the gateway."""

import asyncio
import json
import os
import signal
import urllib.request
from typing import Any

WITHIN_S = 2.0


def got(address: str) -> bytes:
    """What is there. Blocks."""
    with urllib.request.urlopen(address, timeout=5) as answer:
        return bytes(answer.read())


async def looked(address: str) -> bytes:
    """As `got`, in a thread; empty: nobody is there."""
    try:
        return await asyncio.to_thread(got, address)
    except OSError:
        return b""


async def totals(address: str) -> tuple[int, int, int] | None:
    """Requests of all time, those answered, those rescued; None: nobody is there."""
    answer = await looked(f"{address}/api/overview")
    if not answer:
        return None
    told = json.loads(answer)["totals"]
    return told["requests"], told["answered"], told["rescued"]


async def until_so(address: str, wanted: tuple[int, int, int], most_s: float) -> None:
    """Wait until the totals are these."""
    found: Any = None
    try:
        async with asyncio.timeout(most_s):
            while (found := await totals(address)) != wanted:  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"the totals are {found}, not {wanted}") from None


def test_what_happens_is_on_its_pages(play: Any, kit: Any) -> None:
    """Requests are counted within two seconds, with the same figures on every page, and found by their ids."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start(workers=1)
        address = gateway.told["dashboard"]
        assert address == f"http://127.0.0.1:{gateway.port + 1}"
        await until_so(address, (0, 0, 0), 10)
        client = await kit.client.connect(gateway.port)
        ids = []
        for _ in range(7):
            status, headers, _ = await client.ask()
            assert status == 200
            ids.append(headers["x-halfopen-request-id"])
        await until_so(address, (7, 7, 0), WITHIN_S)
        page = (await looked(address)).decode()
        assert "<title>Served: Overview" in page
        metrics = (await looked(f"{address}/metrics")).decode()
        counted = [line for line in metrics.splitlines() if line.startswith("halfopen_requests_total{")]
        assert sum(float(line.rpartition(" ")[2]) for line in counted) == 7
        async with asyncio.timeout(WITHIN_S + 1):
            while len(json.loads(await looked(f"{address}/api/requests"))["requests"]) < 7:  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.02)
        for request_id in ids:
            assert request_id in (await looked(f"{address}/requests/{request_id}")).decode()
        for path in ("/routes", "/upstreams", "/requests", "/spend", "/configuration"):
            assert b"Served" in await looked(address + path), path
        assert kit.key.encode() not in await looked(f"{address}/api/configuration")
        client.leave()

    play(scene)


def test_a_control_process_that_dies_comes_back_with_its_counts(play: Any, kit: Any) -> None:
    """The page is there again on the same port, and nothing is counted twice."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start(workers=1)
        address = gateway.told["dashboard"]
        client = await kit.client.connect(gateway.port)
        for _ in range(3):
            await client.ask()
        await until_so(address, (3, 3, 0), 10)
        async with asyncio.timeout(5):
            while json.loads(await looked(f"{address}/api/status"))["outcomes"]["kept"] < 3:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
        os.kill(gateway.processes["control"], signal.SIGKILL)
        await until_so(address, (3, 3, 0), 10)
        await client.ask()
        await until_so(address, (4, 4, 0), WITHIN_S)
        client.leave()

    play(scene)
