"""What the processes say to each other of the gateway's own keys, made and read."""

import hashlib
from collections.abc import Mapping

import msgspec

from halfopen.app.processes.messages import Keys, Left
from halfopen.model.gateway_key import GatewayKey
from halfopen.policy.budget import Amounts


def keys_of(keys: list[GatewayKey], *, closed: bool = False) -> Keys:
    """The message that tells of these keys."""
    content = msgspec.msgpack.encode((keys, closed))
    return Keys(hashlib.sha256(content).hexdigest()[:16], keys, closed)


def amounts_of(left: Mapping[str, Left]) -> dict[str, tuple[int, Amounts]]:
    """As a `Keyring` takes them."""
    return {name: (each.window_s, each.amounts) for name, each in left.items()}
