"""From a saved snapshot to one that this process can serve: addresses of local models, and secrets."""

from collections.abc import Mapping
from dataclasses import replace

from halfopen.rollout import Secrets, Snapshot
from halfopen.rollout.reference import names, reference

LOCAL_KEY = "HALFOPEN_LOCAL_KEY"
"""The variable with the key of all local models, made anew at each start of the gateway."""


def has_local_models(snapshot: Snapshot) -> bool:
    """Whether something must run on this machine before all of its targets can be reached."""
    return any(provider.local is not None for provider in snapshot.providers.values())


def placed(snapshot: Snapshot, places: Mapping[str, str]) -> Snapshot:
    """The snapshot with the addresses of the local models, which want the key that only we know.

    One whose address isn't known yet can't be reached; its attempts fail, and others answer.
    """
    for name, provider in snapshot.providers.items():
        if provider.local is None:
            continue
        snapshot = snapshot.at(name, places.get(name, "http://127.0.0.1:1"))
        reached = replace(snapshot.providers[name], key=reference(LOCAL_KEY), more_keys=())
        snapshot = replace(snapshot, providers={**snapshot.providers, name: reached})
    return snapshot


def secrets_for(snapshot: Snapshot, values: Mapping[str, str]) -> Secrets:
    """The values that the snapshot's references name, and no others.

    Raises:
        KeyError: One has no value. Its text is the name.
    """
    wanted: set[str] = set()
    for provider in snapshot.providers.values():
        for text in (*provider.keys, *(value for _, value in provider.headers)):
            wanted.update(names(text))
    return Secrets({name: values[name].strip() for name in sorted(wanted)})
