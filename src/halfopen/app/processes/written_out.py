"""Keys that stand in a configuration itself, by the snapshot that they belong to. In memory only.

A snapshot has references in their place, whose names have a dot, which no environment variable has.
"""

from collections.abc import Mapping
from typing import Final

from halfopen.rollout import Snapshot
from halfopen.rollout.reference import names

SNAPSHOTS_MAX: Final = 100
"""Snapshots whose keys are remembered, the latest ones."""


class WrittenOut:
    """What is known of them."""

    def __init__(self, serving: str, environ: Mapping[str, str]) -> None:
        """`environ` has those of the snapshot `serving`, by the names that references use."""
        self._known = {serving: written_out(environ)}

    def keep(self, id: str, values: Mapping[str, str]) -> None:  # noqa: A002 - as everywhere, a snapshot's id
        """These are a snapshot's."""
        self._known.pop(id, None)
        self._known[id] = dict(values)
        while len(self._known) > SNAPSHOTS_MAX:
            del self._known[next(iter(self._known))]

    def of(self, snapshot: Snapshot) -> dict[str, str] | None:
        """All that a snapshot needs; None: one is not known."""
        wanted = {name for provider in snapshot.providers for name in _wanted(snapshot, provider)}
        known = self._known.get(snapshot.id, {})
        return {name: known[name] for name in wanted} if wanted <= known.keys() else None

    def pass_on(self, before: Snapshot, values: Mapping[str, str], after: Snapshot) -> None:
        """A snapshot of another machine takes this machine's, where they go to the same address as before."""
        passed = {
            name: values[name]
            for provider in after.providers
            if provider in before.providers
            and before.providers[provider].base_url == after.providers[provider].base_url
            for name in _wanted(after, provider)
            if name in values
        }
        self.keep(after.id, passed)


def written_out(values: Mapping[str, str]) -> dict[str, str]:
    """Of all secrets those that stand in the file itself."""
    return {name: value for name, value in values.items() if "." in name}


def _wanted(snapshot: Snapshot, provider: str) -> set[str]:
    return {name for key in snapshot.providers[provider].keys for name in names(key) if "." in name}
