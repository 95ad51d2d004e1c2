"""Outcomes made into counts, and their rows into what is kept of them.

Rows
1. Plain rows of one context are counted together, a column at a time: most batches have few contexts.
2. An outcome counts in the minute in which it ended.
3. Whoever was answered whole by other than the first attempt at the first choice was rescued: a target was
   skipped by a refusal of the policy, an attempt failed, or a cut answer was continued.
   A hedge that fails beside the first attempt, or is quicker, rescues nobody.
4. Waste is what attempts took whose answer nobody got. Text that was delivered and then gone on with was got.
5. What an attempt that was cut had not told is in the total only, by an estimate, at the price of its target.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from math import inf
from typing import Final

from halfopen.model import Attempt, Outcome, Price, Usage
from halfopen.model.capability import NUSD_PER_PRICE
from halfopen.seams.outcome_store import Context, Group, Row, Rows, Sent, SentDetailed, SentPlain
from halfopen.seams.sums import CANCELLED, GONE, OK, Counts, Key, Sums
from halfopen.signals.sketch import bucket, bucket_counts
from halfopen.signals.validity import first_answer_is_invalid

MINUTE_S: Final = 60
DURATION: Final = "duration_us"
FIRST_CONTENT: Final = "first_content_us"
TOKEN_RATE: Final = "tokens_per_1000_s"
"""Measures of `time_sums`. The last: output tokens of a stream in 1,000 s, from its first content on."""


def fold(
    sent: Sent,
    outcomes: Sequence[Outcome | None],
    prices: Mapping[str, Price],
    *,
    name: Callable[[str], str] = str,
    is_rescue: Callable[[str], bool] = bool,
) -> tuple[Rows, Sums]:
    """What is kept of outcomes, and their counts.

    Args:
        sent: The outcomes as rows.
        outcomes: Those of `sent.detailed`, in order; None: it can't be read.
        prices: What each target costs. Those that are missing cost nothing.
        name: Makes a bounded set of names of callers.
        is_rescue: Whether the reason for which a target was passed over makes its answer a rescue.
    """
    sums = Sums()
    plain = [
        _fold_plain(context, in_minute, sums, prices, name, is_rescue)
        for context, rows in sent.plain
        for in_minute in _by_minute(rows)
    ]
    detailed = [
        _fold_detailed(row, outcome, sums, prices, name, is_rescue)
        for row, outcome in zip(sent.detailed, outcomes, strict=True)
    ]
    return Rows(plain, detailed), sums


def _by_minute(rows: list[SentPlain]) -> Collection[list[SentPlain]]:
    """The rows that ended in one minute each."""
    ended = [row[1] for row in rows]
    if min(ended) // MINUTE_S == max(ended) // MINUTE_S:
        return [rows]
    parts: dict[float, list[SentPlain]] = {}
    for row in rows:
        parts.setdefault(row[1] // MINUTE_S, []).append(row)
    return parts.values()


def _fold_plain(
    context: Context,
    rows: list[SentPlain],
    sums: Sums,
    prices: Mapping[str, Price],
    name: Callable[[str], str],
    is_rescue: Callable[[str], bool],
) -> Group:
    """Rows that ended in one minute, as they are kept."""
    count, route, target = len(rows), context.route, context.served_by or ""
    start_s = int(rows[0][1] // MINUTE_S) * MINUTE_S
    columns = list(zip(*rows, strict=True))
    given, answered, cached = _known(columns[7]), _known(columns[8]), _known(columns[9])
    price = prices.get(target)
    if price is None:
        costs = [0] * count
    else:
        a_given, an_answered = price.input * NUSD_PER_PRICE, price.output * NUSD_PER_PRICE
        costs = [round(i * a_given + o * an_answered) for i, o in zip(given, answered, strict=True)]
    skips = () if context.skipped is None else told_skips(context.skipped)
    rescued = 1 if _stood_in(target, skips, is_rescue) else 0
    durations = [round(ms * 1000.0) for ms in columns[2]]
    firsts = [round(ms * 1000.0) for ms in columns[6] if ms is not None]
    cost, duration_us, output = sum(costs), sum(durations), sum(answered)
    total = sum(given)
    counts = [
        count,
        rescued * count,
        context.stream * count,
        total,
        output,
        sum(cached),
        0,
        cost,
        0,
        sum(columns[10]),
        sum(columns[11]),
        duration_us,
        sum(firsts),
        len(firsts),
        0,
    ]
    _add(sums.requests, (start_s, route, target, name(context.caller), OK), counts)
    # The row has no attempt's own times: what its request took is told.
    _add(sums.attempts, (start_s, route, target, OK), [count, duration_us, total, output, cost])
    for skipped_target, reason in skips:
        _add(sums.skips, (start_s, route, skipped_target, reason), [count])
    _add_times(sums, (start_s, route, target, DURATION), durations)
    _add_times(sums, (start_s, route, target, FIRST_CONTENT), firsts)
    if context.stream:
        rates = [
            tokens * 1e6 / (ended - begun)
            for tokens, ended, begun in zip(answered, columns[2], columns[6], strict=True)
            if tokens and begun is not None and ended > begun
        ]
        _add_times(sums, (start_s, route, target, TOKEN_RATE), rates)
    return Group(context, rescued, [(*row, cost) for row, cost in zip(rows, costs, strict=True)])


def _known(tokens: Sequence[int | None]) -> list[int]:
    """The numbers, with 0 for what isn't known."""
    return [number or 0 for number in tokens]


def _fold_detailed(
    row: SentDetailed,
    outcome: Outcome | None,
    sums: Sums,
    prices: Mapping[str, Price],
    name: Callable[[str], str],
    is_rescue: Callable[[str], bool],
) -> Row:
    route, caller, stream, served_by, skipped = row[0], row[2], row[4], row[5], row[6]
    duration_ms, first_ms, kind, gone = row[9], row[13], row[19], row[20]
    start_s = int(row[8] // MINUTE_S) * MINUTE_S
    given, answered = row[14] or 0, row[15] or 0
    attempts: tuple[Attempt, ...] = () if outcome is None else outcome.attempts
    target = served_by or (attempts[-1].target if attempts else "")
    result = GONE if gone else kind or OK
    kept = () if outcome is None else _gone_on_with(outcome)
    cost, wasted, wasted_cost = _spent(attempts, kept, Usage(given, answered), served_by, prices)
    if outcome is not None:
        skips = tuple((skip.target, skip.reason) for skip in outcome.skips)
    else:
        skips = told_skips(skipped) if skipped else ()
    continued = outcome is not None and bool(outcome.continuations)
    saved = continued or _failed_before(attempts) or _stood_in(target, skips, is_rescue)
    rescued = 1 if result == OK and saved else 0
    duration_us = round(duration_ms * 1000.0)
    first_us = None if first_ms is None else round(first_ms * 1000.0)
    counts = [
        1,
        rescued,
        stream,
        given,
        answered,
        row[16] or 0,
        wasted,
        cost,
        wasted_cost,
        row[17],
        row[18],
        duration_us,
        first_us or 0,
        0 if first_us is None else 1,
        1 if first_answer_is_invalid(attempts) else 0,
    ]
    _add(sums.requests, (start_s, route, target, name(caller), result), counts)
    for attempt in attempts:
        _add(sums.attempts, (start_s, route, attempt.target, _end_of(attempt)), _counts_of(attempt, prices))
    for skipped_target, reason in skips:
        _add(sums.skips, (start_s, route, skipped_target, reason), [1])
    if result == OK:
        _add(sums.times, (start_s, route, target, DURATION, bucket(duration_us)), [1])
        if first_us is not None:
            _add(sums.times, (start_s, route, target, FIRST_CONTENT, bucket(first_us)), [1])
            if stream and answered and duration_us > first_us:
                rate = answered * 1e9 / (duration_us - first_us)
                _add(sums.times, (start_s, route, target, TOKEN_RATE, bucket(rate)), [1])
    return (*row[:19], cost, rescued, kind, gone, row[21], wasted, wasted_cost, row[22])


def _failed_before(attempts: tuple[Attempt, ...]) -> bool:
    """Whether an attempt failed that began before the one that was whole."""
    whole = [each.started for each in attempts if each.fault is None and not each.cancelled]
    return any(each.fault is not None and each.started <= min(whole, default=inf) for each in attempts)


def _gone_on_with(outcome: Outcome) -> tuple[Attempt, ...]:
    """The attempts that were cut, and whose text stayed with the client."""
    left = list(outcome.attempts)
    found = []
    for continuation in outcome.continuations:
        for attempt in left:
            fault = attempt.fault
            if (
                fault is not None
                and fault.kind.value == continuation.after
                and attempt.first_content is not None
            ):
                found.append(attempt)
                left.remove(attempt)
                break
    return tuple(found)


def _spent(
    attempts: tuple[Attempt, ...],
    kept: tuple[Attempt, ...],
    total: Usage,
    served_by: str | None,
    prices: Mapping[str, Price],
) -> tuple[int, int, int]:
    """What a request cost, the tokens that were wasted, and what these cost.

    `kept`: the attempts that were cut, but whose text was not wasted, if the answer became whole.
    """
    cost = wasted = wasted_cost = given = answered = 0
    silent: Attempt | None = None
    for attempt in attempts:
        spent = attempt.usage or _NOTHING
        given += spent.input_tokens
        answered += spent.output_tokens
        price = _cost(prices.get(attempt.target), spent.input_tokens, spent.output_tokens)
        cost += price
        if served_by is None or _is_waste(attempt, kept):
            wasted += spent.input_tokens + spent.output_tokens
            wasted_cost += price
        if (attempt.fault is not None or attempt.cancelled) and attempt.first_content is not None:
            silent = attempt
    more_given, more_answered = max(total.input_tokens - given, 0), max(total.output_tokens - answered, 0)
    if more_given or more_answered:
        target = served_by if silent is None else silent.target
        price = _cost(prices.get(target or ""), more_given, more_answered)
        cost += price
        if served_by is None or (silent is not None and _is_waste(silent, kept)):
            wasted, wasted_cost = wasted + more_given + more_answered, wasted_cost + price
    return cost, wasted, wasted_cost


def _is_waste(attempt: Attempt, kept: tuple[Attempt, ...]) -> bool:
    """Whether nobody got the attempt's answer, though the request was answered."""
    return (attempt.fault is not None or attempt.cancelled) and attempt not in kept


def _stood_in(target: str, skips: Sequence[tuple[str, str]], is_rescue: Callable[[str], bool]) -> bool:
    """Whether who answered stood in for another. Who only had to wait for the first choice got that.

    Targets are passed over in the order of choice, so that the first of them tells.
    """
    return next((passed for passed, reason in skips if is_rescue(reason)), target) != target


def _end_of(attempt: Attempt) -> str:
    if attempt.cancelled:
        return CANCELLED
    return OK if attempt.fault is None else attempt.fault.kind.value


def _counts_of(attempt: Attempt, prices: Mapping[str, Price]) -> list[int]:
    spent = attempt.usage or _NOTHING
    cost = _cost(prices.get(attempt.target), spent.input_tokens, spent.output_tokens)
    lasted_us = round((attempt.ended - attempt.started) * 1e6)
    return [1, lasted_us, spent.input_tokens, spent.output_tokens, cost]


def told_skips(skipped: str) -> tuple[tuple[str, str], ...]:
    """The targets that a row says were passed over, each with its reason."""
    return tuple(
        (target, reason)
        for target, _, reason in (each.partition(": ") for each in skipped.split("; "))
        if reason
    )


_NOTHING: Final = Usage()


def _cost(price: Price | None, given: int, answered: int) -> int:
    if price is None:
        return 0
    return round(given * price.input * NUSD_PER_PRICE + answered * price.output * NUSD_PER_PRICE)


def _add_times(sums: Sums, key: tuple[int, str, str, str], values: Sequence[float]) -> None:
    for number, count in bucket_counts(values).items():
        _add(sums.times, (*key, number), [count])


def _add(table: Counts, key: Key, counts: list[int]) -> None:
    known = table.get(key)
    if known is None:
        table[key] = counts
    else:
        for place, count in enumerate(counts):
            known[place] += count
