"""Divides a machine's part of each provider's rate limits among its workers, by what each asks."""

from collections.abc import Mapping

from halfopen.app.processes.messages import Load, Role, Shares
from halfopen.app.processes.peers import Peer, Peers
from halfopen.policy.sharing import APPLIED_S, Division

SAY_EVERY_S = 1.0


class WorkerShares:
    """Control's."""

    def __init__(self, peers: Peers, now: float) -> None:
        """Nobody is given more in the first 2 s: workers that are there already have not all come yet."""
        self._peers = peers
        self._divisions: dict[str, Division] = {}
        self._names: set[str] = set()
        self._said: dict[str, tuple[float, Shares]] = {}
        """When each worker was told last, and what."""
        self._begins_at = now + APPLIED_S

    def has_begun(self, now: float) -> bool:
        """Whether every worker that there was at the start has said by now what it has."""
        return now >= self._begins_at

    @property
    def demands(self) -> dict[str, float]:
        """Of all workers together, by provider."""
        return {provider: each.demand for provider, each in self._divisions.items()}

    @property
    def reserved(self) -> dict[str, float]:
        """The most that all workers together may be using now, by provider."""
        return {provider: each.reserved for provider, each in self._divisions.items()}

    def heard(self, peer: Peer, load: Load, now: float) -> None:
        """A worker said what it asks, and what it has."""
        name = _name(peer)
        self._names.add(name)
        for provider, held in load.held.items():
            division = self._divisions.setdefault(provider, Division())
            division.told(name, load.demand.get(provider, 0.0), held, now)

    def share(self, parts: Mapping[str, float], fair: float, now: float) -> None:
        """Tell the workers what they may use.

        Args:
            parts: This machine's, by provider. Others are no longer there.
            fair: What other machines count on when they no longer hear of this one.
            now: Monotonic seconds.
        """
        workers = {_name(peer): peer for peer in self._peers.of(Role.WORKER) if peer.load is not None}
        for gone in self._names - workers.keys():
            for division in self._divisions.values():
                division.left(gone, now)
            self._said.pop(gone, None)
        self._names &= workers.keys()
        granted = {}
        may_raise = self.has_begun(now)
        for provider in list(self._divisions):
            if provider not in parts:
                del self._divisions[provider]
                continue
            division = self._divisions[provider]
            division.whole = parts[provider]
            granted[provider] = division.grant(now, may_raise=may_raise)
        for name, peer in workers.items():
            shares = {provider: each[name] for provider, each in granted.items() if name in each}
            alone = {provider: part * min(1.0, fair / parts[provider]) for provider, part in shares.items()}
            self._say(name, peer, Shares(shares, alone), now)

    def _say(self, name: str, peer: Peer, message: Shares, now: float) -> None:
        said_at, said = self._said.get(name, (-SAY_EVERY_S, None))
        if message != said or now >= said_at + SAY_EVERY_S:
            self._said[name] = now, message
            peer.send(message)


def _name(peer: Peer) -> str:
    """A worker that takes another's place is another one."""
    assert peer.hello is not None
    return f"{peer.hello.number}/{peer.hello.pid}"
