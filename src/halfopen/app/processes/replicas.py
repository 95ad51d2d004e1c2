"""Control's part in sharing: among its workers always, and with other machines where there is a Redis.

Rules
1. Nothing waits for Redis: one task speaks with it, with a bound on every answer. While it is gone, the
   machine keeps to its fair part of rate limits, and news goes to its own workers only.
2. What one worker finds out goes to the others and to Redis; what comes from Redis goes to the workers.
3. A snapshot that was applied on one machine is served by all. The larger counter decides. A machine that
   starts joins in only if its file says the same as the one that the choice replaced: a newer file goes
   before an older choice.
4. The last known number of machines is kept on disk and by the supervisor: a control or a worker that is
   started while Redis is gone begins with it.
"""

import asyncio
import random
import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from hashlib import blake2b
from typing import Any, Final

from msgspec import UNSET

from halfopen.app.processes.messages import BreakerNews, Gateways, Load, Parked, Role
from halfopen.app.processes.news_board import WARNED_S, NewsBoard
from halfopen.app.processes.peers import Peer, Peers
from halfopen.app.processes.redis_link import Chosen, GoneError, Meeting, MissingExtraError, RedisLink, Seen
from halfopen.app.processes.shared_snapshot import base_of, common, gateways_at_first
from halfopen.app.processes.state_directory import StateDirectory, StateError
from halfopen.app.processes.worker_shares import WorkerShares
from halfopen.policy.claim import Claim
from halfopen.rollout import Snapshot
from halfopen.rollout.reference import resolve
from halfopen.rollout.saved import SavedError, read_back
from halfopen.rollout.snapshot import canonical

POLL_S: Final = 0.25
"""Between two looks at what is new in Redis."""
MEET_S: Final = 1.0
"""Between two words about one's own demand, less up to a fifth of it."""
PENDING_MAX: Final = 1000

News = Parked | BreakerNews


def name_of(state: StateDirectory) -> str:
    """What the gateway of this directory is called among all: the same after a restart."""
    return f"{socket.gethostname()}-{state.name()}"


class Replicas:
    """One machine's sharing. Make it inside the running loop."""

    def __init__(
        self,
        state: StateDirectory,
        peers: Peers,
        environ: Mapping[str, str],
        take_over: Callable[[Snapshot], Awaitable[str]],
        on_disk: Callable[..., Awaitable[Any]],
    ) -> None:
        """Prepare; `start` begins.

        Args:
            state: Where this machine's name and the number of machines are kept.
            peers: Who is connected to control.
            environ: What the address of Redis may refer to.
            take_over: Serves a snapshot that was applied on another machine; why not, if it can't.
            on_disk: Calls a function, with its arguments, where it may block.
        """
        self._state = state
        self._me = name_of(state)
        self._known = self._kept = state.gateways()
        """How many machines there were when Redis last said it; and what of that is on the disk."""
        self._peers = peers
        self._environ = environ
        self._take_over = take_over
        self._on_disk = on_disk
        now = time.monotonic()
        self._claim = Claim((), 1, now)
        self._workers = WorkerShares(peers, now)
        self._board = NewsBoard()
        self._snapshot: Snapshot | None = None
        self._pending: deque[tuple[float, News]] = deque(maxlen=PENDING_MAX)
        """What Redis is to be told, and since when."""
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._noting: asyncio.Task[None] | None = None
        self._link: RedisLink | None = None
        self._address = ("", "")
        self._problem = ""
        self._unserved = ""
        """Why what was applied on another machine is not served."""
        self._meet_at = now
        self._chosen: Chosen | None = None
        """The snapshot that all machines are to serve, as far as it is known."""
        self._to_choose: Snapshot | None = None
        """What was applied here and is not in Redis yet."""
        self._has_joined = False
        """Whether it is known what was chosen before this control began."""

    def start(self) -> None:
        """Share from now on."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="sharing")

    async def stop(self) -> None:
        """Share no more, and tell the others if Redis answers."""
        if self._task is not None:
            self._task.cancel()
        if self._link is not None:
            await self._link.leave()

    def follow(self, snapshot: Snapshot) -> None:
        """Another snapshot is served."""
        if self._snapshot is None:
            self._claim = Claim((), gateways_at_first(snapshot, self._known), time.monotonic())
        self._snapshot = snapshot
        self._claim.name(snapshot.providers)
        self._wake.set()

    def heard(self, peer: Peer, message: Load | Parked | BreakerNews) -> None:
        """A worker said something."""
        now = time.monotonic()
        if isinstance(message, Load):
            self._workers.heard(peer, message, now)
            return
        self._board.note(message, now)
        self._spread(message, but=peer)
        if self._link is not None:
            self._pending.append((now, message))
            self._wake.set()

    def greet(self, peer: Peer) -> None:
        """Tell a worker, or the supervisor, that has just come what is known."""
        if peer.role is Role.SUPERVISOR:
            peer.send(Gateways(self._known))
            return
        for message in self._board.current(time.monotonic()):
            peer.send(message)

    def choose(self, snapshot: Snapshot) -> None:
        """Have all machines serve what was applied here, as soon as Redis answers."""
        self._to_choose = common(snapshot)
        self._wake.set()

    def problems(self) -> list[str]:
        """What a person should look after."""
        found = []
        if problem := self.status()["problem"]:
            found.append(f"rate limits and news are not shared between machines: {problem}")
        if self._unserved:
            found.append(f"what was applied on another machine is not served: {self._unserved}")
        return found

    def status(self) -> dict[str, Any]:
        """How it is, for `halfopen status`."""
        now = time.monotonic()
        state = "off"
        if self._link is not None:
            state = "ok" if self._claim.is_in_contact(now) else "gone"
        elif self._problem:
            state = "failed"
        return {
            "redis": state,
            "problem": self._problem if state in ("gone", "failed") else "",
            "name": self._me,
            "gateways": self._claim.machines,
            "parts": {name: round(part, 4) for name, part in self._claim.parts.items()},
        }

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            self._follow_address()
            now = time.monotonic()
            if self._link is not None:
                try:
                    await self._exchange(self._link, now)
                    self._problem = ""
                except GoneError as error:
                    self._problem = str(error)
                except Exception as error:  # noqa: BLE001 - a defect costs the sharing, not control
                    self._problem = f"a defect in the gateway: {error!r}"
            self._share(time.monotonic())
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()

    def _ask(self, now: float) -> dict[str, float]:
        # What workers hold is known only when all have said so.
        held = self._workers.reserved if self._workers.has_begun(now) else {}
        return self._claim.ask(self._workers.demands, held, now)

    def _share(self, now: float) -> None:
        self._ask(now)
        self._workers.share(self._claim.parts, self._claim.fair, now)

    async def _exchange(self, link: RedisLink, now: float) -> None:
        pending = list(self._pending)
        meeting = None
        if now >= self._meet_at:
            # Not all at the same moment.
            self._meet_at = now + MEET_S * (1 - random.random() / 5)  # noqa: S311 - no secret
            wanted = self._ask(now)
            keep = not self._workers.has_begun(now)
            meeting = Meeting(self._workers.demands, wanted, self._workers.reserved, keep=keep)
        seen = await link.exchange(meeting, [self._worded(message, now - at) for at, message in pending])
        for _ in pending:
            self._pending.popleft()
        if seen.met is not None and meeting is not None:
            # What was kept may be no more than what other machines have to give up: nothing is granted by it.
            granted = dict.fromkeys(seen.met.parts, 0.0) if meeting.keep else seen.met.parts
            self._claim.heard(granted, seen.met.others, time.monotonic())
            self._note_number()
        self._hear(seen)
        await self._follow_choice(link, seen.counter)

    def _note_number(self) -> None:
        """Have the number of machines outlive this process. The disk may be full or frozen."""
        number = self._claim.machines
        if number != self._known:
            self._known = number
            for peer in self._peers.of(Role.SUPERVISOR):
                peer.send(Gateways(number))
        if number != self._kept and (self._noting is None or self._noting.done()):
            self._noting = asyncio.get_running_loop().create_task(self._keep(number))

    async def _keep(self, number: int) -> None:
        with suppress(StateError):  # it is tried again when Redis has answered the next time
            await self._on_disk(self._state.set_gateways, number)
            self._kept = number

    async def _base(self) -> str:
        """The id of what is shared of this machine's own configuration file."""
        base: str = await self._on_disk(base_of, self._state)
        return base

    def _follow_address(self) -> None:
        """Where Redis is now, by the configuration."""
        snapshot = self._snapshot
        if snapshot is None:
            return
        url = ""
        if snapshot.redis.url is not UNSET:
            with suppress(KeyError):
                url = resolve(snapshot.redis.url, self._environ).strip()
        address = (url, snapshot.redis.prefix)
        if address == self._address:
            return
        self._address, self._problem = address, ""
        if self._link is not None:
            self._leaving = asyncio.get_running_loop().create_task(self._link.leave())
        self._link = None
        if url:
            try:
                self._link = RedisLink(url, snapshot.redis.prefix, self._me)
            except (MissingExtraError, ValueError) as error:
                missing = isinstance(error, MissingExtraError)
                self._problem = str(error) if missing else "[redis] url is no address of a Redis"

    # Snapshots.

    async def _follow_choice(self, link: RedisLink, counter: int) -> None:
        known = 0 if self._chosen is None else self._chosen.counter
        shared = self._to_choose
        if shared is not None:
            content, base = canonical(shared), await self._base()
            counter = await link.choose(shared.id, content, base, max(known, counter))
            self._chosen = Chosen(counter, shared.id, content, base)
            if self._to_choose is shared:
                self._to_choose = None
        elif counter < known and self._chosen is not None:
            await link.choose_again(self._chosen)
        elif counter > known:
            chosen = await link.chosen()
            if chosen is None:
                return
            joins = self._has_joined or chosen.base == await self._base()
            self._chosen = chosen
            if joins:
                await self._serve(chosen)
        self._has_joined = True

    async def _serve(self, chosen: Chosen) -> None:
        try:
            snapshot = read_back(chosen.content, chosen.id)
        except SavedError as error:
            self._unserved = f"it can't be used: {error}"
            return
        self._unserved = await self._take_over(snapshot)

    # News.

    def _hear(self, seen: Seen) -> None:
        now = time.monotonic()
        for age_s, told in seen.news:
            message = self._understood(told, age_s)
            if message is not None:
                self._board.note(message, now)
                self._spread(message)

    def _spread(self, message: News, but: Peer | None = None) -> None:
        for worker in self._peers.of(Role.WORKER):
            if worker is not but:
                worker.send(message)

    def _worded(self, message: News, age_s: float) -> dict[str, Any]:
        """A message as Redis holds it."""
        if isinstance(message, BreakerNews):
            return {"target": message.target, "open": message.is_open}
        left_s = max(message.left_s - age_s, 0.0)
        return {"key": self._alias(message.provider, message.key), "kind": message.kind, "left_s": left_s}

    def _understood(self, told: Mapping[str, Any], age_s: float) -> News | None:
        """What another machine told; None: it says nothing to this one, or no more."""
        try:
            if "target" in told:
                is_fresh = age_s <= WARNED_S
                return BreakerNews(str(told["target"]), is_open=bool(told["open"])) if is_fresh else None
            left_s, was_parked = float(told["left_s"]) - age_s, float(told["left_s"]) > 0
            name = self._keys().get(str(told["key"]))
            if name is None or (was_parked and left_s <= 0):
                return None
            return Parked(*name, str(told["kind"]), max(left_s, 0.0))
        except (LookupError, TypeError, ValueError):
            return None

    def _keys(self) -> dict[str, tuple[str, str]]:
        """Every provider's keys, by what other machines call them."""
        providers = {} if self._snapshot is None else self._snapshot.providers
        names = [(name, key) for name, spec in providers.items() for key in (spec.keys or ("",))]
        return {self._alias(*name): name for name in names}

    def _alias(self, provider: str, key: str) -> str:
        """What a provider's key is called in Redis: neither the key nor the name of its variable."""
        prefix = self._address[1].encode()[:64]
        return blake2b(f"{provider}\n{key}".encode(), key=prefix, digest_size=16).hexdigest()
