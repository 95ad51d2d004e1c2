"""Requests as a gateway ends them, made at random from a seed, and counted as control counts them."""

import random
from collections.abc import Iterable, Sequence

import msgspec

from halfopen.app.processes.folding import Folding
from halfopen.app.processes.messages import Outcomes
from halfopen.app.processes.outcome_rows import rows
from halfopen.errors import make
from halfopen.model import Attempt, Kind, Outcome, Price, Skip, Usage
from halfopen.seams.sums import Sums

NOW = 1_700_000_050.0
"""Ten seconds into a minute."""
MINUTE = 1_700_000_040
PRICES = {"a/x": Price(1.0, 2.0), "b/y": Price(3.0, 5.0)}

OURS = (Kind.SERVER_ERROR, Kind.OVERLOADED, Kind.NO_CAPACITY, Kind.CUT_BODY, Kind.BAD_KEY)
OWN = (Kind.INVALID_REQUEST, Kind.CONTENT_FILTERED, Kind.CONTEXT_TOO_LONG)


def outcome(ended: float = NOW - 1.0, **changes: object) -> Outcome:
    """A request that its first target answered, after a second."""
    fields: dict[str, object] = {
        "request_id": f"ho-{ended}",
        "route": "m",
        "stream": False,
        "arrived": ended - 1.0,
        "ended": ended,
        "attempts": (Attempt("a/x", ended - 1.0, ended, first_content=ended - 0.75, status=200),),
        "skips": (),
        "served_by": "a/x",
        "fault": None,
        "client_gone": False,
        "usage": Usage(100, 20),
    }
    return Outcome(**{**fields, **changes})


def failed(ended: float = NOW - 1.0, kind: Kind = Kind.SERVER_ERROR, **changes: object) -> Outcome:
    """A request whose only attempt failed, as its client was told."""
    attempt = Attempt("a/x", ended - 1.0, ended, status=500, fault=make(kind))
    fields = {"attempts": (attempt,), "served_by": None, "fault": make(kind), "usage": None}
    return outcome(ended, **{**fields, **changes})


def rescued(ended: float = NOW - 1.0, kind: Kind = Kind.SERVER_ERROR, **changes: object) -> Outcome:
    """A request that the second target answered."""
    attempts = (
        Attempt("a/x", ended - 1.0, ended - 0.9, status=500, fault=make(kind)),
        Attempt("b/y", ended - 0.9, ended, first_content=ended - 0.5, status=200, usage=Usage(100, 20)),
    )
    return outcome(ended, **{"attempts": attempts, "served_by": "b/y", **changes})


def made(seed: int, count: int, since: float, until: float) -> list[Outcome]:
    """Requests of every kind, in no order."""
    draw = random.Random(seed)
    return [_one(draw, number, draw.uniform(since, until)) for number in range(count)]


def _one(draw: random.Random, number: int, ended: float) -> Outcome:
    lasted = draw.choice((0.3, 0.9, 3.1, 7.7, 30.3)) * draw.uniform(0.98, 1.02)
    first = ended - lasted * draw.choice((0.2, 0.7))
    begun = ended - lasted
    more = {
        "request_id": f"ho-{number}",
        "route": draw.choice(("m", "n")),
        "caller": draw.choice(("", "team", "shop")),
        "stream": draw.random() < 0.5,
        "arrived": begun,
        "received_bytes": draw.randrange(1000),
        "sent_bytes": draw.randrange(1000),
    }
    tokens = Usage(draw.randrange(500), draw.choice((0, 3, 200)))
    whole = Attempt("b/y", begun + 0.1, ended, first_content=first, status=200, usage=tokens)
    match draw.choice(("plain", "plain", "plain", "skipped", "rescued", "invalid", "failed", "own", "gone")):
        case "plain":
            return outcome(ended, **more, usage=tokens, attempts=(_at(whole, "a/x"),))
        case "skipped":
            skips = (Skip("a/x", draw.choice(("breaker open", "no model of that name there"))),)
            return outcome(ended, **more, usage=tokens, attempts=(whole,), skips=skips, served_by="b/y")
        case "rescued":
            return outcome(
                ended,
                **more,
                usage=tokens,
                attempts=(_bad(begun, draw.choice(OURS), 500), whole),
                served_by="b/y",
            )
        case "invalid":
            fault = _bad(begun, Kind.EMPTY_ANSWER, 200)
            return outcome(ended, **more, usage=tokens, attempts=(fault, whole), served_by="b/y")
        case "failed":
            kind = draw.choice(OURS)
            return failed(ended, **more, attempts=(_bad(begun, kind, 503),), fault=make(kind))
        case "own":
            kind = draw.choice(OWN)
            return failed(ended, **more, attempts=(_bad(begun, kind, 400),), fault=make(kind))
    cancelled = Attempt("a/x", begun, ended, cancelled=True)
    return outcome(ended, **more, attempts=(cancelled,), served_by=None, client_gone=True, usage=None)


def _at(attempt: Attempt, target: str) -> Attempt:
    return msgspec.structs.replace(attempt, target=target)


def _bad(begun: float, kind: Kind, status: int) -> Attempt:
    return Attempt("a/x", begun, begun + 0.1, status=status, fault=make(kind))


def counted(outcomes: Iterable[Outcome], folding: Folding | None = None) -> Sums:
    """The counts of one batch, by minute, by the way that it takes from a worker to control."""
    batch = list(outcomes)
    if folding is None:
        folding = Folding()
        folding.prices = PRICES
    encoded = msgspec.msgpack.encode(rows(batch, 0.0))
    _, sums = folding.fold(Outcomes(msgspec.Raw(encoded), len(batch)))
    return sums


def split(outcomes: Sequence[Outcome], seed: int) -> list[list[Outcome]]:
    """The same in another order, in batches of any length."""
    draw = random.Random(seed)
    shuffled = draw.sample(list(outcomes), len(outcomes))
    batches = []
    while shuffled:
        size = draw.randint(1, 40)
        batches.append(shuffled[:size])
        shuffled = shuffled[size:]
    return batches
