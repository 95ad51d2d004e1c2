"""The lab as it runs inside `halfopen run` where there are no keys."""

from dataclasses import replace

from halfopen.app.configuration import Loaded, lab_snapshot
from halfopen.lab.fleet import Lab
from halfopen.lab.ports import DEFAULT as LAB_PORTS
from halfopen.rollout import Secrets, Snapshot
from halfopen.rollout.snapshot import sealed

ANSWER_HEADERS = (("x-halfopen-lab", "simulated answer: no API key is configured"),)
"""Sent with every answer."""
_PACE_S = 0.02
"""Between two words of a simulated stream, so that a person sees it stream."""


async def start_lab() -> Lab:
    """The lab on its usual ports, so that `halfopen lab set` finds it; elsewhere when they are taken."""
    lab = Lab(LAB_PORTS, pace_s=_PACE_S)
    try:
        await lab.start()
    except OSError:
        lab = Lab(pace_s=_PACE_S)
        await lab.start()
    return lab


def lab_ports(lab: Lab) -> dict[str, int]:
    """Its ports by dialect."""
    return {dialect: provider.port for dialect, provider in lab.providers.items()}


def stand_in(loaded: Loaded, lab: Lab) -> tuple[Snapshot, Secrets]:
    """What is served: the lab's providers where they are, the rest as it was loaded."""
    configured = lab_snapshot(lab_ports(lab))
    own = loaded.snapshot
    snapshot = replace(configured.snapshot, gateway=own.gateway, processes=own.processes, store=own.store)
    return sealed(snapshot), configured.secrets
