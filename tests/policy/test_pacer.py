"""The pacer: nothing passes a limit, estimates are put right, and headers are believed within reason."""

import math
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.model import Demand, Dimension, RateLimit, Usage
from halfopen.policy.options import PacerOptions
from halfopen.policy.pacer import Pacer, Reservation

REQUESTS, TOKENS = Dimension.REQUESTS, Dimension.TOKENS
INPUT, OUTPUT = Dimension.INPUT_TOKENS, Dimension.OUTPUT_TOKENS
ONE = Demand()
NOTHING = Usage()


def tokens(number: int) -> Demand:
    return Demand(input_tokens=number)


def at_once(pacer: Pacer, demand: Demand, now: float, most: int = 1000) -> int:
    """Send as many as may go at `now`."""
    sent = 0
    while sent < most and pacer.ready_at(demand, now) <= now:
        pacer.reserve(demand, now)
        sent += 1
    return sent


def in_time(pacer: Pacer, demand: Demand, start: float, end: float) -> int:
    """Send as fast as the pacer lets it, each call over when it is sent."""
    sent, now = 0, start
    while now < end:
        ready_at = pacer.ready_at(demand, now)
        if ready_at > now:
            now = ready_at
            continue
        reservation = pacer.reserve(demand, now)
        assert reservation is not None
        pacer.settle(reservation, None, now)
        sent += 1
    return sent


def token_pacer(limit: float = 6000.0) -> Pacer:
    return Pacer(PacerOptions(tokens_per_minute=limit))


class TestWithoutLimits:
    def test_costs_nothing(self) -> None:
        """Where no limit is known, every call may go, and nothing is kept of it."""
        pacer = Pacer(PacerOptions())
        assert not pacer.knows_limits
        assert pacer.ready_at(tokens(10**12), 5.0) == 5.0
        assert pacer.reserve(ONE, 5.0) is None

    @pytest.mark.parametrize("rate", [math.nan, -1.0, 0.0, math.inf, 1e308, -math.inf], ids=str)
    def test_nonsense_is_no_limit(self, rate: float) -> None:
        """A configured rate that is no rate is not known."""
        assert not Pacer(PacerOptions(rate, rate, rate, rate)).knows_limits

    @pytest.mark.parametrize(
        "told",
        [
            pytest.param(RateLimit(REQUESTS), id="nothing"),
            pytest.param(RateLimit(REQUESTS, 0.0, 0.0, 1.0), id="zero"),
            pytest.param(RateLimit(REQUESTS, -1.0, -1.0, 0.0), id="azure-minus-one"),
            pytest.param(RateLimit(REQUESTS, math.nan, 0.0), id="nan"),
            pytest.param(RateLimit(REQUESTS, math.inf, 0.0), id="infinite"),
            pytest.param(RateLimit(REQUESTS, 1e308, 0.0), id="huge"),
            pytest.param(RateLimit(REQUESTS, None, 3.0), id="remaining-alone"),
        ],
    )
    def test_headers_without_a_limit_teach_none(self, told: RateLimit) -> None:
        """A limit that is none, or that is not told, is not kept."""
        pacer = Pacer(PacerOptions())
        pacer.learn((told,), 0.0)
        assert not pacer.knows_limits


class TestSpread:
    def test_ten_seconds_worth_may_go_at_once(self) -> None:
        """600 requests a minute are 100 at once and then 10 a second: providers count by the second."""
        pacer = Pacer(PacerOptions(requests_per_minute=600))
        assert at_once(pacer, ONE, 0.0) == 100
        assert pacer.ready_at(ONE, 0.0) == pytest.approx(0.1)
        assert at_once(pacer, ONE, 1.0) == 10

    @pytest.mark.parametrize(("limit", "burst"), [(3, 3), (5, 5), (12, 5), (60, 10)], ids=str)
    def test_small_limits_are_spread_less(self, limit: int, burst: int) -> None:
        """Up to five may go at once, as far as the limit goes: a few users at the same time don't wait."""
        assert at_once(Pacer(PacerOptions(requests_per_minute=limit)), ONE, 0.0) == burst

    def test_tokens_are_not_spread(self) -> None:
        """The whole of a minute's tokens may go at once: one prompt is often a large part of it."""
        assert at_once(token_pacer(), tokens(1000), 0.0) == 6

    @pytest.mark.parametrize("window_s", [1.0, 3600.0, 86_400.0], ids=str)
    def test_other_windows_are_not_spread(self, window_s: float) -> None:
        """A second's limit is short enough, and a day's allowance may be used within a minute."""
        pacer = Pacer(PacerOptions())
        pacer.learn((RateLimit(REQUESTS, 100.0, 100.0, None, window_s),), 0.0)
        assert at_once(pacer, ONE, 0.0) == 100

    def test_a_refusal_takes_nothing(self) -> None:
        """Asking again and again changes nothing."""
        pacer = Pacer(PacerOptions(requests_per_minute=6))
        at_once(pacer, ONE, 0.0)
        first = pacer.ready_at(ONE, 0.0)
        assert [pacer.ready_at(ONE, now) for now in (1.0, 2.0, 3.0)] == [first] * 3
        assert pacer.ready_at(ONE, first) == first

    def test_the_rate_is_used_up(self) -> None:
        """A client that always has something to send gets all of its limit."""
        pacer = Pacer(PacerOptions(requests_per_minute=60, tokens_per_minute=1e6))
        assert in_time(pacer, ONE, 0.0, 600.0) in (609, 610)

    def test_the_narrowest_limit_decides(self) -> None:
        """A call goes when every dimension has room for it."""
        pacer = Pacer(PacerOptions(600, 60_000, 40_000, 1000))
        demand = Demand(input_tokens=100, output_tokens=500)
        assert at_once(pacer, demand, 0.0) == 2
        assert pacer.ready_at(demand, 0.0) == pytest.approx(30.0)
        assert pacer.ready_at(Demand(input_tokens=100), 0.0) == 0.0


class TestLargeCalls:
    def test_goes_when_the_allowance_is_full(self) -> None:
        """A call larger than the whole limit waits for a full allowance, not for ever."""
        pacer = token_pacer(6000)
        pacer.reserve(tokens(3000), 0.0)
        assert pacer.ready_at(tokens(50_000), 0.0) == pytest.approx(30.0)
        assert pacer.ready_at(tokens(50_000), 31.0) == 31.0

    def test_counts_as_one_allowance(self) -> None:
        """After it the next call waits a minute at most."""
        pacer = token_pacer(6000)
        pacer.reserve(tokens(10**30), 0.0)
        assert pacer.ready_at(tokens(6000), 0.0) == pytest.approx(60.0)

    def test_numbers_beyond_any_provider_are_safe(self) -> None:
        """A size of hundreds of digits is a large call, not an error."""
        pacer = token_pacer(6000)
        reservation = pacer.reserve(tokens(10**400), 0.0)
        assert reservation is not None
        pacer.settle(reservation, Usage(10**400), 0.0)
        assert pacer.ready_at(tokens(10**400), 0.0) == pytest.approx(60.0)

    def test_debt_is_bounded(self) -> None:
        """Whatever is taken without asking, nobody waits longer than two windows."""
        pacer = token_pacer(6000)
        for _ in range(100):
            pacer.reserve(tokens(6000), 0.0)
        assert pacer.ready_at(tokens(6000), 0.0) == pytest.approx(120.0)


class TestSettling:
    def used(self, usage: Usage | None, demand: Demand, options: PacerOptions) -> float:
        """How long the same call waits after a call of `demand` that took `usage`, all at one moment."""
        pacer = Pacer(options)
        reservation = pacer.reserve(demand, 0.0)
        assert reservation is not None
        pacer.settle(reservation, usage, 0.0)
        return pacer.ready_at(tokens(6000), 0.0)

    @pytest.mark.parametrize(
        ("usage", "wait_s"),
        [
            pytest.param(Usage(500, 500), 10.0, id="less"),
            pytest.param(Usage(2000, 2000), 40.0, id="more"),
            pytest.param(Usage(1500, 1500), 30.0, id="as-reckoned"),
            pytest.param(NOTHING, 0.0, id="got-nowhere"),
            pytest.param(None, 30.0, id="not-known"),
            pytest.param(Usage(10**30, 0), 60.0, id="endless"),
            pytest.param(Usage(-(10**30), -5), 0.0, id="negative"),
        ],
    )
    def test_usage_puts_the_estimate_right(self, usage: Usage | None, wait_s: float) -> None:
        """What was reckoned too much is given back, what was reckoned too little is taken."""
        demand = Demand(input_tokens=1500, output_tokens=1500)
        assert self.used(usage, demand, PacerOptions(tokens_per_minute=6000)) == pytest.approx(wait_s)

    def test_requests_stay_counted(self) -> None:
        """A call that got nowhere may have been counted: its request is not given back."""
        pacer = Pacer(PacerOptions(requests_per_minute=3))
        for _ in range(3):
            reservation = pacer.reserve(ONE, 0.0)
            assert reservation is not None
            pacer.settle(reservation, NOTHING, 0.0)
        assert pacer.ready_at(ONE, 0.0) == pytest.approx(20.0)

    def test_cached_input_is_free_where_input_is_limited(self) -> None:
        """Anthropic doesn't count input that was read from a cache; limits on all tokens do."""
        usage = Usage(input_tokens=3000, cached_tokens=2000)
        assert self.used(usage, ONE, PacerOptions(input_tokens_per_minute=6000)) == pytest.approx(10.0)
        assert self.used(usage, ONE, PacerOptions(tokens_per_minute=6000)) == pytest.approx(30.0)

    def test_output_is_settled_too(self) -> None:
        """An answer that grew longer than reckoned is taken from the output allowance."""
        pacer = Pacer(PacerOptions(output_tokens_per_minute=600))
        reservation = pacer.reserve(Demand(output_tokens=100), 0.0)
        assert reservation is not None
        pacer.settle(reservation, Usage(5, 400), 0.0)
        assert pacer.ready_at(Demand(output_tokens=300), 0.0) == pytest.approx(10.0)

    def test_a_limit_learnt_meanwhile_gives_nothing_back(self) -> None:
        """What a call never took of a limit, because it was not known yet, is not given back."""
        pacer = Pacer(PacerOptions(requests_per_minute=60))
        early = pacer.reserve(tokens(5000), 0.0)
        assert early is not None
        pacer.learn((RateLimit(TOKENS, 6000.0, 1000.0, 50.0),), 0.0)
        pacer.settle(early, NOTHING, 0.0)
        assert pacer.ready_at(tokens(6000), 0.0) == pytest.approx(50.0)


class TestLearning:
    def test_takes_over_the_limit(self) -> None:
        """The first answer tells the limit, and from then on it is kept."""
        pacer = Pacer(PacerOptions())
        pacer.learn((RateLimit(TOKENS, 6000.0, 4000.0, 20.0),), 0.0)
        assert pacer.knows_limits
        assert at_once(pacer, tokens(1000), 0.0) == 4
        assert pacer.ready_at(tokens(1000), 0.0) == pytest.approx(10.0)

    def test_a_limit_that_changes_is_followed(self) -> None:
        """A higher tier, or a lower one, counts from the next answer on."""
        pacer = Pacer(PacerOptions())
        pacer.learn((RateLimit(TOKENS, 6000.0, 0.0, 60.0),), 0.0)
        assert pacer.ready_at(tokens(600), 0.0) == pytest.approx(6.0)
        pacer.learn((RateLimit(TOKENS, 12_000.0, 0.0, 60.0),), 0.0)
        assert pacer.ready_at(tokens(600), 0.0) == pytest.approx(3.0)

    def test_somebody_else_on_the_same_key_is_seen(self) -> None:
        """Less remains than we think: another process uses the key, and its use counts."""
        pacer = Pacer(PacerOptions())
        pacer.learn((RateLimit(TOKENS, 6000.0, 6000.0),), 0.0)
        pacer.reserve(tokens(1000), 0.0)
        pacer.learn((RateLimit(TOKENS, 6000.0, 500.0),), 0.0)
        assert pacer.ready_at(tokens(1000), 0.0) == pytest.approx(5.0)

    def test_more_remaining_is_not_believed_while_calls_are_out(self) -> None:
        """The provider may not have counted yet what is on its way."""
        pacer = Pacer(PacerOptions())
        pacer.learn((RateLimit(TOKENS, 6000.0, 6000.0),), 0.0)
        at_once(pacer, tokens(1000), 0.0)
        pacer.learn((RateLimit(TOKENS, 6000.0, 5000.0),), 0.0)
        assert pacer.ready_at(tokens(1000), 0.0) == pytest.approx(10.0)

    def test_more_remaining_is_believed_as_far_as_calls_that_are_out_leave_it_certain(self) -> None:
        """What remains even when everything that is out is still to be counted can be used."""
        pacer = Pacer(PacerOptions())
        pacer.learn((RateLimit(TOKENS, 6000.0, 0.0),), 0.0)
        pacer.reserve(tokens(1000), 0.0)
        pacer.learn((RateLimit(TOKENS, 6000.0, 5000.0),), 0.0)
        assert at_once(pacer, tokens(1000), 0.0) == 4

    def test_more_remaining_is_believed_when_nothing_is_out(self) -> None:
        """Once every call is over, the provider has counted them all."""
        pacer = Pacer(PacerOptions())
        pacer.learn((RateLimit(TOKENS, 6000.0, 0.0),), 0.0)
        reservation = pacer.reserve(tokens(1000), 0.0)
        assert reservation is not None
        pacer.settle(reservation, None, 0.0)
        pacer.learn((RateLimit(TOKENS, 6000.0, 5000.0),), 0.0)
        assert at_once(pacer, tokens(1000), 0.0) == 5

    def test_a_limit_that_falls_leaves_no_endless_debt(self) -> None:
        """What was taken of a large limit is at most two allowances of a small one."""
        pacer = Pacer(PacerOptions())
        pacer.learn((RateLimit(TOKENS, 6000.0, 0.0),), 0.0)
        pacer.learn((RateLimit(TOKENS, 60.0),), 0.0)
        assert pacer.ready_at(tokens(60), 0.0) == pytest.approx(120.0)

    def test_a_clock_that_goes_back_changes_nothing(self) -> None:
        """What is taken at an earlier moment counts as if it were now."""
        pacer = token_pacer(6000)
        pacer.reserve(tokens(3000), 100.0)
        pacer.reserve(tokens(3000), -900.0)
        assert pacer.ready_at(tokens(3000), -900.0) == pytest.approx(130.0)

    def test_what_is_told_does_not_undo_the_spread(self) -> None:
        """An answer that says that much remains lets no second burst through."""
        pacer = Pacer(PacerOptions())
        pacer.learn((RateLimit(REQUESTS, 600.0, 599.0, 0.1),), 0.0)
        assert at_once(pacer, ONE, 0.0) == 100
        pacer.learn((RateLimit(REQUESTS, 600.0, 590.0, 1.0),), 0.0)
        assert pacer.ready_at(ONE, 0.0) > 0.0

    def test_headers_never_raise_a_configured_limit(self) -> None:
        """A share that is set lower than the provider's limit stays the bound."""
        pacer = Pacer(PacerOptions(requests_per_minute=6))
        pacer.learn((RateLimit(REQUESTS, 6000.0, 6000.0),), 0.0)
        assert at_once(pacer, ONE, 0.0) == 5

    def test_what_remains_bounds_a_configured_limit(self) -> None:
        """Azure may tell what remains without the limit."""
        pacer = Pacer(PacerOptions(tokens_per_minute=6000))
        pacer.learn((RateLimit(TOKENS, None, 1000.0),), 0.0)
        assert pacer.ready_at(tokens(2000), 0.0) == pytest.approx(10.0)
        pacer.learn((RateLimit(TOKENS, None, 6000.0),), 0.0)
        assert pacer.ready_at(tokens(2000), 0.0) == pytest.approx(10.0)

    def test_a_minutes_and_a_days_limit_are_both_kept(self) -> None:
        """Headers that name their windows tell of more than one limit on the same."""
        pacer = Pacer(PacerOptions())
        minute = RateLimit(REQUESTS, 60.0, 60.0, None, 60.0)
        day = RateLimit(REQUESTS, 1440.0, 2.0, None, 86_400.0)
        pacer.learn((minute, day), 0.0)
        assert at_once(pacer, ONE, 0.0) == 2
        assert pacer.ready_at(ONE, 0.0) == pytest.approx(60.0)

    def test_a_limit_that_is_none_says_nothing_of_what_remains(self) -> None:
        """Azure has told -1 and 0 where there was room: a configured limit doesn't believe it."""
        pacer = Pacer(PacerOptions(tokens_per_minute=6000))
        pacer.learn((RateLimit(TOKENS, -1.0, 0.0, 0.0),), 0.0)
        assert pacer.ready_at(tokens(6000), 0.0) == 0.0

    def test_a_window_that_is_named_is_not_inferred(self) -> None:
        """A minute's limit stays one, whatever its reset says."""
        pacer = Pacer(PacerOptions())
        pacer.learn((RateLimit(TOKENS, 6000.0, 0.0, 3600.0, 60.0),), 0.0)
        assert pacer.ready_at(tokens(600), 0.0) == pytest.approx(6.0)

    @pytest.mark.parametrize(
        ("limit", "remaining", "reset_s", "one_more_s"),
        [
            pytest.param(3000.0, 2999.0, 0.02, 0.02, id="openai-minute"),
            pytest.param(14_400.0, 14_370.0, 179.56, 5.985, id="groq-day"),
            pytest.param(200.0, 197.0, 977.764, 325.9, id="openai-day"),
            pytest.param(10_000.0, 9999.0, 8.64, 0.006, id="day-hardly-used"),
            pytest.param(1000.0, 0.0, 3600.0, 3.6, id="hour"),
            pytest.param(150_000.0, 149_984.0, 360.0, 0.0024, id="fixed-window"),
            pytest.param(6000.0, 5999.0, 60.4, 0.01, id="rounded-minute"),
        ],
    )
    def test_the_reset_tells_a_days_limit_from_a_minutes(
        self, limit: float, remaining: float, reset_s: float, one_more_s: float
    ) -> None:
        """The reset is the time until what is used has come back, so that it gives the rate."""
        pacer = Pacer(PacerOptions())
        pacer.learn((RateLimit(TOKENS, limit, remaining, reset_s),), 0.0)
        for _ in range(int(limit - remaining), int(limit)):
            pacer.reserve(tokens(1), 0.0)
        assert pacer.ready_at(tokens(1), 0.0) == pytest.approx(one_more_s, rel=0.01)

    def test_an_empty_fixed_window_is_waited_for(self) -> None:
        """Nothing remains and all comes back in 12 s: until then nothing goes."""
        pacer = Pacer(PacerOptions())
        pacer.learn((RateLimit(REQUESTS, 60.0, 0.0, 12.0),), 0.0)
        assert pacer.ready_at(ONE, 0.0) == pytest.approx(12.0)
        pacer.learn((RateLimit(REQUESTS, 60.0, 59.0, 60.0),), 12.0)
        assert at_once(pacer, ONE, 12.0) == 10

    def test_an_empty_bucket_is_not_waited_for_longer_than_it_takes(self) -> None:
        """Where what is used comes back bit by bit, the next call waits for one bit only."""
        pacer = Pacer(PacerOptions())
        pacer.learn((RateLimit(REQUESTS, 60.0, 0.0, 59.2),), 0.0)
        assert pacer.ready_at(ONE, 0.0) == pytest.approx(1.0)

    def test_an_empty_window_that_ends_at_once_is_empty_still(self) -> None:
        """A reset of next to nothing may be rounded: a call waits for its share of the rate."""
        pacer = Pacer(PacerOptions())
        pacer.learn((RateLimit(REQUESTS, 60.0, 0.0, 0.25),), 0.0)
        assert pacer.ready_at(ONE, 0.0) == pytest.approx(1.0)

    def test_limits_without_end_are_not_kept(self) -> None:
        """A provider that names a new window each time fills no memory."""
        pacer = Pacer(PacerOptions())
        for window in range(1, 1000):
            pacer.learn((RateLimit(REQUESTS, 10.0, 10.0, None, float(window)),), 0.0)
        reservation = pacer.reserve(ONE, 0.0)
        assert reservation is not None
        assert reservation.meters == 12


ANY = st.one_of(st.none(), st.floats(), st.sampled_from([-1.0, 0.0, 1.0, 60.0, 1e15, 1e308, 5e-324]))
LIMITS = st.lists(st.builds(RateLimit, st.sampled_from(Dimension), ANY, ANY, ANY, ANY), max_size=5).map(tuple)
DEMANDS = st.builds(
    Demand,
    input_tokens=st.integers(-(10**20), 10**20) | st.integers(0, 5000),
    output_tokens=st.integers(0, 5000),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1.0, 1e6), LIMITS, DEMANDS, st.booleans()), max_size=12),
    st.floats(0.0, 1e9),
)
def test_any_headers_are_safe(
    steps: list[tuple[float, tuple[RateLimit, ...], Demand, bool]], now: float
) -> None:
    """Whatever is learnt, and however the clock goes, a call goes within two of the longest windows."""
    pacer = Pacer(PacerOptions(requests_per_minute=60))
    for passed_s, limits, demand, is_known in steps:
        now += passed_s
        pacer.learn(limits, now)
        ready_at = pacer.ready_at(demand, now)
        assert now <= ready_at <= now + 65 * 86_400 + 2, ready_at
        reservation = pacer.reserve(demand, now)
        assert reservation is not None
        pacer.settle(reservation, Usage(demand.input_tokens, 7) if is_known else None, now)


@dataclass
class Call:
    """One that was let through: when, and what of it stayed taken."""

    at: float
    taken: float


def within(calls: list[Call], limit: float, burst: float, what: str) -> None:
    """In every window that starts with one call and ends with another, no more than burst and rate."""
    for first, start in enumerate(calls):
        total = 0.0
        for last in calls[first:]:
            total += last.taken
            allowed = burst + limit / 60.0 * (last.at - start.at)
            assert total <= allowed * (1 + 1e-9) + 1e-6, f"{what}: {total} in {last.at - start.at} s"


SCHEDULE = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 0.01, 0.3, 1.0, 5.0, 20.0, 90.0]),
        st.integers(0, 1500),
        st.integers(0, 1500),
        st.booleans(),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(SCHEDULE, st.sampled_from([3, 12, 60, 600]), st.sampled_from([500, 1000, 6000]))
def test_no_schedule_passes_a_limit(
    schedule: list[tuple[float, int, int, bool]], requests: int, limit: int
) -> None:
    """In any time, what goes is at most the burst and what the rate brings in that time."""
    pacer = Pacer(PacerOptions(requests_per_minute=requests, tokens_per_minute=limit))
    burst = min(requests, max(5.0, requests / 6))
    now = 1000.0
    sent: list[Call] = []
    counted: list[Call] = []
    for passed_s, asked, used, waits in schedule:
        now += passed_s
        demand = tokens(asked)
        ready_at = pacer.ready_at(demand, now)
        if ready_at > now:
            if not waits:
                continue
            now = ready_at
        reservation = pacer.reserve(demand, now)
        assert reservation is not None
        sent.append(Call(now, min(asked, limit)))
        counted.append(Call(now, 1.0))
        if used < asked:  # over at once, so that what it took and what it gave back have one time
            pacer.settle(reservation, Usage(used), now)
            sent[-1].taken = min(used, limit)
    within(counted, requests, burst, "requests")
    within(sent, limit, limit, "tokens")


@settings(max_examples=150, deadline=None)
@given(SCHEDULE, st.integers(1, 8))
def test_what_is_given_back_late_never_passes_the_rate(
    schedule: list[tuple[float, int, int, bool]], out_max: int
) -> None:
    """From the start on, what calls really took is at most one allowance and what the rate brings.

    In every part of the time, what was reckoned less what was given back is.
    """
    limit = 3000.0
    pacer = Pacer(PacerOptions(tokens_per_minute=limit))
    now = 0.0
    out: list[tuple[int, int, Reservation]] = []
    moves: list[Call] = []
    for passed_s, asked, used, _ in schedule:
        now += passed_s
        if len(out) >= out_max:
            reckoned, took, reservation = out.pop(0)
            pacer.settle(reservation, Usage(took), now)
            moves.append(Call(now, took - reckoned))
        now = pacer.ready_at(tokens(asked), now)
        reservation_now = pacer.reserve(tokens(asked), now)
        assert reservation_now is not None
        out.append((asked, min(used, asked), reservation_now))
        moves.append(Call(now, asked))
    for first, start in enumerate(moves):
        total = 0.0
        for last in moves[first:]:
            total += last.taken
            assert total <= limit + limit / 60 * (last.at - start.at) + 1e-6, (total, start, last)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.1, 2.0, 30.0]), st.integers(1, 3000)), max_size=60),
    st.floats(0.0, 5.0),
)
def test_a_provider_whose_headers_are_followed_never_refuses(
    schedule: list[tuple[float, int]], other_s: float
) -> None:
    """A token bucket as OpenAI's, shared with nobody, has room for every call that the pacer lets go."""
    limit, rate = 3000.0, 50.0
    pacer = Pacer(PacerOptions())
    left, at, now = limit, 0.0, 0.0
    for passed_s, asked in schedule:
        now = max(now + passed_s, pacer.ready_at(tokens(asked), now + passed_s))
        left, at = min(limit, left + (now - at) * rate), now
        reservation = pacer.reserve(tokens(asked), now)
        if reservation is not None:  # the first answer has taught the limit
            assert left + 1e-6 >= min(asked, limit), f"429 at {now}: {left} left of {limit}"
        left -= asked
        reset_s = (limit - left) / rate
        pacer.learn((RateLimit(TOKENS, limit, float(math.floor(max(0.0, left))), reset_s),), now)
        if reservation is not None:
            pacer.settle(reservation, None, now)
        now += other_s
