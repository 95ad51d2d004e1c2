"""The lab's own HTTP interface sets, shows and clears faults."""

import asyncio

import msgspec
import pytest

from halfopen.lab import Lab, faults


def test_a_fault_is_set_met_and_cleared_over_http(with_lab):
    """PUT sets a fault, GET shows how often it was met, DELETE mends."""

    async def play(provider, wire):
        order = {"name": "openai_500_server_error", "times": 2}
        first = (await wire.call("PUT", "/_lab/fault", order)).json
        statuses = [(await wire.chat()).status for _ in range(3)]
        state = (await wire.call("GET", "/_lab")).json
        cleared = (await wire.call("DELETE", "/_lab/fault")).json
        return first, statuses, state, cleared

    first, statuses, state, cleared = with_lab("openai", play)
    assert first["fault"]["name"] == "openai_500_server_error"
    assert statuses == [500, 500, 200]
    assert (state["met"], state["fault"]["struck"], state["counts"]["requests"]) == (2, 2, 3)
    assert cleared["fault"] is None


def test_after_and_probability(with_lab):
    """Good answers come first, and a seed repeats the same draw."""

    async def play(provider, wire):
        provider.set_fault("http_500_text", after=2, times=1)
        after = [(await wire.chat()).status for _ in range(4)]
        runs = []
        for _ in range(2):
            provider.set_fault("http_500_text", probability=0.5, seed=7)
            runs.append([(await wire.chat()).status for _ in range(12)])
        return after, runs

    after, runs = with_lab("openai", play)
    assert after == [200, 200, 500, 200]
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"name": "nothing_like_it"}, "no fault 'nothing_like_it'"),
        ({"name": "openai_500"}, "near it: openai_500_server_error"),
        ({"name": "gemini_503_unavailable"}, "is for gemini, not for openai"),
        ({"name": "slow_headers", "options": {"foo": 1}}, "has no option 'foo' (it has: delay_s)"),
        ({"name": "slow_headers", "options": {"delay_s": "x"}}, "must be a number"),
        ({"name": "slow_headers", "options": {"delay_s": -1}}, "must not be negative"),
        ({"name": "slow_headers", "options": {"after": 1}}, "after: one of these is no option"),
        ({"name": "slow_headers", "times": 0}, "times at least 1"),
        ({"name": "slow_headers", "probability": 2}, "between 0 and 1"),
        ({"name": "slow_headers", "tmies": 2}, "unknown field `tmies`"),
        ({}, "missing required field `name`"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_wrong_orders_are_refused_with_the_reason(with_lab, order, words):
    """A 400 says what is wrong and changes nothing."""

    async def play(provider, wire):
        return await wire.call("PUT", "/_lab/fault", order), provider.fault

    seen, fault = with_lab("openai", play)
    assert seen.status == 400
    assert words in seen.json["error"]
    assert fault is None


def test_calls_are_shown_without_secrets(with_lab):
    """Requests are recorded whole, keys are masked in what is shown."""

    async def play(provider, wire):
        await wire.chat("hello there")
        shown = (await wire.call("GET", "/_lab/calls")).json["calls"]
        await wire.call("DELETE", "/_lab/calls")
        return shown, len(provider.calls)

    shown, left = with_lab("openai", play)
    assert shown[0]["path"] == "/v1/chat/completions"
    assert shown[0]["headers"]["authorization"] == "***"
    assert "hello there" in shown[0]["body"]
    assert shown[0]["status"] == 200
    assert left == 0


def test_unknown_control_paths_say_what_there_is(with_lab):
    """A 404 lists the interface; the list of faults is complete."""

    async def play(provider, wire):
        return await wire.call("POST", "/_lab/nothing"), await wire.call("GET", "/_lab/faults")

    nothing, listing = with_lab("openai", play)
    assert nothing.status == 404
    assert "/_lab/fault" in nothing.json["error"]
    assert [fault["name"] for fault in listing.json["faults"]] == list(faults.names())


def test_a_refusing_provider_is_mended_through_its_sibling(wire_of):
    """Each listener controls all three, so that a closed one can be opened again."""

    async def main():
        async with Lab() as lab:
            sibling, own = wire_of(lab["gemini"]), wire_of(lab["openai"])
            body = msgspec.json.encode({"name": "refused"})
            await sibling.call("PUT", "/_lab/openai/fault", body)
            refused = await own.chat()
            await sibling.call("DELETE", "/_lab/openai/fault")
            return refused, await own.chat()

    refused, mended = asyncio.run(main())
    assert refused.error == "refused"
    assert mended.status == 200
