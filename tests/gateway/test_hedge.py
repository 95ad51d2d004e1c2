"""A second call while the first is silent: whichever brings content first is the answer."""

import asyncio
from typing import Any

import pytest

from halfopen.policy import AfterCommit, JourneyOptions
from halfopen.policy.hedge import HedgeBudget
from halfopen.policy.options import HedgeOptions

AFTER_S = 0.05


@pytest.fixture
def hedging(monkeypatch: pytest.MonkeyPatch) -> JourneyOptions:
    """Options of a route that hedges after a moment, with a budget that is never empty."""
    monkeypatch.setattr(HedgeBudget, "delay_s", lambda *_: AFTER_S)
    monkeypatch.setattr(HedgeBudget, "take", lambda *_: True)
    monkeypatch.setattr(HedgeBudget, "is_stressed", lambda *_: False)
    return JourneyOptions(
        deadline_s=4, attempt_s=2, first_token_s=2, stall_s=1, hedge=HedgeOptions(extra_load=0.2)
    )


class Teller:
    """An upstream that plays a list of pieces: bytes to send, or seconds (or an event) to wait."""

    def __init__(self, kit: Any, *pieces: Any) -> None:
        self.kit = kit
        self.pieces = pieces
        self.heads: list[bytes] = []
        self.left = 0

    async def script(self, peer: Any) -> None:
        while True:
            await peer.request()
            self.heads.append(peer.head)
            for piece in self.pieces:
                if isinstance(piece, bytes):
                    peer.send(piece)
                elif isinstance(piece, asyncio.Event):
                    await piece.wait()
                elif piece is None:
                    peer.reset()
                else:
                    await peer.gone()
                    self.left += 1
                    return


FOR_EVER = object()


def words(kit: Any, *texts: str) -> list[bytes]:
    return [kit.framed(kit.chunk(text)) for text in texts]


def the_end(kit: Any) -> bytes:
    return bytes(kit.framed(kit.chunk(None, "stop") + b"data: [DONE]\n\n") + b"0\r\n\r\n")


def opening(kit: Any, note: str) -> bytes:
    """What comes before the first content, with something to know it by."""
    head = kit.stream_head.replace(b"\r\n\r\n", f"\r\nx-request-id: id-{note}\r\n\r\n".encode())
    role = kit.chunk("").replace(b'"id": "c"', f'"id": "{note}"'.encode())
    return bytes(head + kit.framed(role))


def nothing_left(gateway: Any, kit: Any) -> bool:
    pools = [repr(kit.pool_of(gateway, name)) for name in ("p0", "p1")]
    return (
        all("0 active" in pool for pool in pools)
        and [kit.limiter_of(gateway, number).in_flight for number in (0, 1)] == [0, 0]
        and len(gateway.runtime.wheel) == 0
    )


async def stage_of(stage: Any, options: JourneyOptions, *tellers: Teller) -> Any:
    return await stage.gateway(*[await stage.upstream(each.script) for each in tellers], options=options)


def test_a_slow_first_target_is_outrun(play: Any, kit: Any, hedging: JourneyOptions) -> None:
    """The answer is the second's, from its first byte on; the first is cancelled and delivers nothing."""

    async def scene(stage: Any) -> None:
        slow = Teller(kit, opening(kit, "slow"), FOR_EVER)
        quick = Teller(kit, opening(kit, "quick"), *words(kit, "one ", "two"), the_end(kit))
        gateway = await stage_of(stage, hedging, slow, quick)
        client = await stage.client(gateway)
        response = await client.ask(kit.post(kit.chat(stream=True)))
        assert (response.status, response.whole) == (200, True)
        assert response.headers["x-halfopen-upstream"] == "p1/gpt-4o-mini"
        assert response.headers["x-request-id"] == "id-quick"
        assert b"slow" not in response.body
        assert response.body == b"".join(
            [
                kit.chunk("").replace(b'"id": "c"', b'"id": "quick"'),
                kit.chunk("one "),
                kit.chunk("two"),
                kit.chunk(None, "stop") + b"data: [DONE]\n\n",
            ]
        )
        await stage.until(lambda: slow.left == 1, lambda: slow.left)
        (outcome,) = stage.outcomes
        assert [(each.target, each.cancelled, each.fault) for each in outcome.attempts] == [
            ("p0/gpt-4o-mini", True, None),
            ("p1/gpt-4o-mini", False, None),
        ]
        assert outcome.served_by == "p1/gpt-4o-mini"
        client.leave()
        await stage.until(lambda: nothing_left(gateway, kit), lambda: kit.pool_of(gateway))

    play(scene)


def test_the_first_target_may_still_win(play: Any, kit: Any, hedging: JourneyOptions) -> None:
    """Then the second is cancelled, and nothing of it is delivered, whatever it had sent before."""

    async def scene(stage: Any) -> None:
        go = asyncio.Event()
        first = Teller(kit, opening(kit, "first"), go, *words(kit, "one"), the_end(kit))
        second = Teller(kit, opening(kit, "second"), FOR_EVER)
        gateway = await stage_of(stage, hedging, first, second)
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat(stream=True)))
        await stage.until(lambda: len(second.heads) == 1, lambda: second.heads)
        await asyncio.sleep(0.02)
        go.set()
        response = await client.response()
        assert response.whole
        assert response.headers["x-halfopen-upstream"] == "p0/gpt-4o-mini"
        assert response.headers["x-request-id"] == "id-first"
        assert b"second" not in response.body
        await stage.until(lambda: second.left == 1, lambda: second.left)
        client.leave()
        await stage.until(lambda: nothing_left(gateway, kit), lambda: kit.pool_of(gateway))

    play(scene)


def test_no_route_hedges_unless_it_is_told_to(play: Any, kit: Any) -> None:
    """The default: one call at a time."""

    async def scene(stage: Any) -> None:
        assert JourneyOptions().hedge.extra_load == 0.0
        go = asyncio.Event()
        first = Teller(kit, go, kit.stream_head, *words(kit, "one"), the_end(kit))
        second = Teller(kit, FOR_EVER)
        gateway = await stage_of(stage, JourneyOptions(), first, second)
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat(stream=True)))
        await stage.until(lambda: len(first.heads) == 1, lambda: first.heads)
        await stage.hold(lambda: not second.heads, lambda: second.heads, 4 * AFTER_S)
        go.set()
        assert (await client.response()).whole

    play(scene)


def test_plain_answers_are_not_hedged(play: Any, kit: Any, hedging: JourneyOptions) -> None:
    """Their time depends on their length."""

    async def scene(stage: Any) -> None:
        go = asyncio.Event()
        first, second = Teller(kit, go, kit.ok()), Teller(kit, FOR_EVER)
        gateway = await stage_of(stage, hedging, first, second)
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat()))
        await stage.hold(lambda: not second.heads, lambda: second.heads, 4 * AFTER_S)
        go.set()
        assert (await client.response()).status == 200

    play(scene)


@pytest.mark.parametrize("which", ["first", "second"])
def test_when_one_of_two_fails_the_other_goes_on(
    play: Any, kit: Any, hedging: JourneyOptions, which: str
) -> None:
    """Unseen: the client gets one whole answer, with the head and the bytes of the one that stayed."""

    async def scene(stage: Any) -> None:
        fail, go = asyncio.Event(), asyncio.Event()
        bad = Teller(kit, opening(kit, "bad"), fail, None)
        good = Teller(kit, opening(kit, "good"), go, *words(kit, "one"), the_end(kit))
        tellers = (bad, good) if which == "first" else (good, bad)
        gateway = await stage_of(stage, hedging, *tellers)
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat(stream=True)))
        await stage.until(lambda: len(bad.heads) == len(good.heads) == 1, lambda: (bad.heads, good.heads))
        await asyncio.sleep(0.03)
        fail.set()
        await asyncio.sleep(0.03)
        go.set()
        response = await client.response()
        assert response.whole
        assert response.headers["x-request-id"] == "id-good"
        assert b"bad" not in response.body
        assert b'"id": "good"' in response.body
        assert len(bad.heads) == len(good.heads) == 1
        (outcome,) = stage.outcomes
        faults = {each.target: each.fault is not None for each in outcome.attempts}
        assert faults == {"p0/gpt-4o-mini": which == "first", "p1/gpt-4o-mini": which == "second"}

    play(scene)


def test_a_client_that_leaves_ends_both(play: Any, kit: Any, hedging: JourneyOptions) -> None:
    """Both calls stop, and nothing of them is left."""

    async def scene(stage: Any) -> None:
        tellers = Teller(kit, opening(kit, "a"), FOR_EVER), Teller(kit, opening(kit, "b"), FOR_EVER)
        gateway = await stage_of(stage, hedging, *tellers)
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat(stream=True)))
        await stage.until(lambda: len(tellers[1].heads) == 1, lambda: tellers[1].heads)
        await asyncio.sleep(0.02)
        client.leave()
        await stage.until(lambda: [each.left for each in tellers] == [1, 1], lambda: tellers)
        await stage.until(lambda: nothing_left(gateway, kit), lambda: kit.pool_of(gateway))
        (outcome,) = stage.outcomes
        assert (outcome.client_gone, [each.cancelled for each in outcome.attempts]) == (True, [True, True])

    play(scene)


def test_a_defect_while_two_are_under_way_ends_both(
    play: Any, kit: Any, hedging: JourneyOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 500 at once, and no permit, timer or connection is left."""
    from halfopen.gateway.attempt import Attempt

    def broken(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(Attempt, "hold", broken)

    async def scene(stage: Any) -> None:
        tellers = Teller(kit, opening(kit, "a"), FOR_EVER), Teller(kit, opening(kit, "b"), FOR_EVER)
        gateway = await stage_of(stage, hedging, *tellers)
        client = await stage.client(gateway)
        (await client.ask(kit.post(kit.chat(stream=True)))).assert_openai_error(500)
        client.leave()
        await stage.until(lambda: nothing_left(gateway, kit), lambda: kit.pool_of(gateway))
        assert len(stage.outcomes) == 1

    play(scene, defects=True)


def test_what_a_rival_sends_before_its_content_is_bounded(
    play: Any, kit: Any, hedging: JourneyOptions
) -> None:
    """It is given up, and the first goes on alone."""

    async def scene(stage: Any) -> None:
        go = asyncio.Event()
        flood = [kit.framed(kit.chunk("").replace(b'"id": "c"', b'"id": "' + b"x" * 50_000 + b'"'))] * 40
        first = Teller(kit, opening(kit, "first"), go, *words(kit, "one"), the_end(kit))
        second = Teller(kit, opening(kit, "second"), *flood, FOR_EVER)
        gateway = await stage_of(stage, hedging, first, second)
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat(stream=True)))
        await stage.until(lambda: second.left == 1, lambda: second.left)
        go.set()
        response = await client.response()
        assert response.whole
        assert len(response.body) < 2000

    play(scene)


def test_a_held_answer_is_won_as_well(play: Any, kit: Any, hedging: JourneyOptions) -> None:
    """A route that holds whole answers gets the one that began first; what the loser spent counts."""
    from dataclasses import replace

    async def scene(stage: Any) -> None:
        told = kit.chunk("").replace(
            b'"choices": [',
            b'"usage": {"prompt_tokens": 7, "completion_tokens": 0, "total_tokens": 7}, "choices": [',
        )
        slow = Teller(kit, opening(kit, "slow"), kit.framed(told), FOR_EVER)
        quick = Teller(kit, opening(kit, "quick"), *words(kit, "one ", "two"), the_end(kit))
        options = replace(hedging, after_commit=AfterCommit.HOLD)
        gateway = await stage_of(stage, options, slow, quick)
        client = await stage.client(gateway)
        response = await client.ask(kit.post(kit.chat(stream=True)))
        assert response.whole
        assert b"slow" not in response.body
        assert b"one " in response.body
        (outcome,) = stage.outcomes
        assert outcome.usage is not None
        assert outcome.usage.input_tokens >= 7
        assert outcome.usage.estimated

    play(scene)
