"""The gateway's own keys, as a worker knows them: whose request is this, and may it come in?

Rules
1. A key is `ho-IDENTIFIER-SECRET`. It is looked up by its identifier, and known by the SHA-256 of all of it:
   a secret of 32 random bytes can't be guessed, so a slow hash would protect nothing more.
2. Keys come where the official clients put theirs: Authorization, x-api-key, x-goog-api-key.
3. A head is looked at once, as long as the keys are the same: see `notes`. Its budget is asked each time.
4. The name of a key can't be claimed by a header: who sends no key has no name of a key.
5. Keys that can't be read let nobody in.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from halfopen import errors
from halfopen.http1 import RequestHead
from halfopen.model import Fault, Kind, Outcome, Price
from halfopen.model.capability import NUSD_PER_PRICE
from halfopen.model.gateway_key import GatewayKey
from halfopen.policy.budget import Allotment, Amounts, Measure, UsedUp

PREFIX: Final = "ho-"
ID_CHARS: Final = 12
KEY_MAX_CHARS: Final = 200
CREDENTIALS: Final = (b"authorization", b"x-api-key", b"x-goog-api-key")
"""Headers in which clients send keys, in the order in which they are looked at."""
_CODE: Final = "invalid_api_key"
"""What OpenAI's clients know."""


class Entry(Protocol):
    """What a request's head says of whether it may come in."""

    name: str
    """The caller. Empty: unknown."""
    claims: bool
    """Whether a name that it gives itself holds."""

    def refusal(self, now: float, wall_s: float) -> Fault | None:
        """Why it may not; None: it may. `now`: monotonic seconds; `wall_s`: since the Unix epoch."""
        ...

    def begun(self) -> None:
        """It has come in."""
        ...


class Holder:
    """Who sends a good key."""

    claims = False

    def __init__(self, name: str, allotment: Allotment | None) -> None:
        """Nothing has come in yet. `allotment`: None, if it may spend what it likes."""
        self.name = name
        self.allotment = allotment

    def refusal(self, now: float, wall_s: float) -> Fault | None:
        """As `Entry`: its budget may be used up."""
        allotment = self.allotment
        used_up = None if allotment is None else allotment.refusal(now, wall_s)
        return None if used_up is None else _over_budget(self.name, used_up)

    def begun(self) -> None:
        """As `Entry`."""
        if self.allotment is not None:
            self.allotment.begun()


class Nobody:
    """Who sends no good key."""

    name = ""

    def __init__(self, why: Fault | None, *, claims: bool = False) -> None:
        """Nobody of ours.

        Args:
            why: It may not come in; None: no key is needed.
            claims: Whether the name holds that it gives itself.
        """
        self._why = why
        self.claims = claims

    def refusal(self, now: float, wall_s: float) -> Fault | None:  # noqa: ARG002 - as `Entry`
        """As `Entry`."""
        return self._why

    def begun(self) -> None:
        """As `Entry`."""


class Keyring:
    """All keys that a worker knows. Another one takes its place when they change."""

    def __init__(
        self,
        keys: Sequence[GatewayKey],
        *,
        required: bool,
        workers: int,
        closed: bool = False,
        before: "Keyring | None" = None,
    ) -> None:
        """Know these keys.

        Args:
            keys: All of them, those that were revoked as well.
            required: Whether a request needs one.
            workers: How many share the budgets.
            closed: Whether the keys can't be read, so that nobody comes in.
            before: Whose place it takes. What it knows of budgets goes on.
        """
        self.keys = keys
        self.closed = closed
        self._required = required or closed
        self._keys = {key.id: key for key in keys}
        self.holders: dict[str, Holder] = {}
        """By name: a key that takes the place of another one has its budget."""
        known = {} if before is None else before.holders
        for key in keys:
            if key.revoked_wall_s is None:
                self.holders[key.name] = _holder(key, known.get(key.name), workers)
        self._names = frozenset(key.name for key in keys)

    def entry(self, head: RequestHead, claimed: str = "") -> Entry:
        """Who sends this head.

        Args:
            head: A request's.
            claimed: What it calls itself.
        """
        for sent in _credentials(head):
            if sent.startswith(PREFIX):
                return self._entry_of(sent)
        if not self._required:
            return Nobody(None, claims=claimed not in self._names)
        if self.closed:
            return Nobody(_unreadable())
        return Nobody(_refused("This gateway needs one of its own keys, and the request has none."))

    def _entry_of(self, sent: str) -> Entry:
        key = self._keys.get(sent[len(PREFIX) : len(PREFIX) + ID_CHARS])
        if key is None or not hmac.compare_digest(key.sha256, digest(sent)):
            unknown = _unreadable() if self.closed else _refused("The gateway doesn't know this key.")
            return Nobody(unknown)
        if key.revoked_wall_s is not None:
            return Nobody(_refused(f"The key of {key.name!r} was revoked."))
        return self.holders[key.name]

    def told(self, left: Mapping[str, tuple[int, Amounts]], counted: int, now: float, wall_s: float) -> None:
        """Control says what is left to callers.

        Args:
            left: By name: when the window began, and what is left in it.
            counted: How many outcomes of this worker are taken off already.
            now: Monotonic seconds.
            wall_s: Seconds since the Unix epoch.
        """
        for name, (window_s, amounts) in left.items():
            holder = self.holders.get(name)
            if holder is not None and holder.allotment is not None:
                holder.allotment.told(amounts, window_s, counted, now, wall_s)

    def ended(self, outcome: Outcome, number: int, price: Price | None, wall_s: float) -> None:
        """A request is over.

        Args:
            outcome: What became of it.
            number: Of the outcome, among all of this worker.
            price: Of who served it; None: it costs nothing.
            wall_s: Seconds since the Unix epoch.
        """
        # Who was turned away before a route was found has spent nothing.
        holder = self.holders.get(outcome.caller) if outcome.caller and outcome.route else None
        if holder is None or holder.allotment is None:
            return
        usage = outcome.usage
        tokens = nusd = 0
        if usage is not None:
            tokens = usage.input_tokens + usage.output_tokens
            if price is not None:
                spent = usage.input_tokens * price.input + usage.output_tokens * price.output
                nusd = round(spent * NUSD_PER_PRICE)
        holder.allotment.ended(number, tokens, nusd, wall_s)


def digest(key: str) -> str:
    """The SHA-256 of a whole key, in hexadecimal digits."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def _holder(key: GatewayKey, known: Holder | None, workers: int) -> Holder:
    budget = key.budget
    if known is not None and (None if known.allotment is None else known.allotment.budget) == budget:
        return known
    return Holder(key.name, None if budget is None else Allotment(budget, workers))


def _credentials(head: RequestHead) -> Iterable[str]:
    for name in CREDENTIALS:
        value = head.header(name)
        if value is None or len(value) > KEY_MAX_CHARS:
            continue
        text = value.decode("latin-1").strip()
        if name == b"authorization":
            scheme, _, text = text.partition(" ")
            if scheme.lower() != "bearer":
                continue
        yield text.strip()


def _refused(why: str) -> Fault:
    return errors.make(
        Kind.KEY_NEEDED,
        f"{why} Send one in the place of the provider's key (Authorization, x-api-key or x-goog-api-key); "
        "`halfopen keys create NAME` makes one.",
        code=_CODE,
    )


def _unreadable() -> Fault:
    return errors.make(Kind.KEY_NEEDED, "The gateway can't read its keys, so it lets nobody in.", code=_CODE)


def _over_budget(name: str, used_up: UsedUp) -> Fault:
    budget, measure = used_up.budget, used_up.measure
    limit: object = budget.requests if measure is Measure.REQUESTS else budget.tokens
    what = f"{limit} {measure.value}"
    if measure is Measure.MONEY:
        what = f"${(budget.nusd or 0) / 1e9:g}"
    return errors.make(
        Kind.OVER_BUDGET,
        f"The budget of {name!r}, {what} per {budget.per.value}, is used up; the next one begins in "
        f"{used_up.left_s:.0f} s.",
        delay_s=used_up.left_s,
        code="over_budget",
    )
