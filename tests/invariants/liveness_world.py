"""Generated worlds: upstreams with enough capacity, clients, and faults that all end, or that never do.

Enough: each upstream alone could carry several times what all clients ask, and answers well within the
clients' time. So whatever goes wrong for good is the policy's doing.

Left out, because they last longer than 15 s by design or are no faults that end: quotas and rate limits
(a provider's own pace), upstreams that fall over under load, autoscalers. A refused key is left alone for
its park interval: worlds with one get that interval as well.
"""

import random
from dataclasses import dataclass
from math import ceil
from typing import Final

from halfopen.simulator.scenario import ClientSpec, FaultKind, FaultSpec, Phase, Scenario, UpstreamSpec

RECOVERY_S: Final = 15.0
"""Within this long after the last fault nearly every request must succeed."""
PARK_S: Final = 60.0
"""How long a refused key is left alone."""
_TAIL_S: Final = 8.0
_STATUSES: Final = (500, 500, 502, 503, 503, 504, 520, 522, 524, 529, 408, 429)
_KINDS: Final = (
    *(FaultKind.ERROR,) * 6,
    *(FaultKind.HANG,) * 3,
    FaultKind.STALL,
    FaultKind.SLOW,
    FaultKind.CAPACITY,
    FaultKind.DRIP,
    FaultKind.CUT,
    FaultKind.EMPTY,
)


@dataclass(frozen=True, slots=True)
class World:
    """A scenario, and from when on nothing is wrong any more."""

    scenario: Scenario
    healed_s: float
    """The end of the last fault; infinity: they go on for good."""
    recovered_s: float
    """From then on nearly every request must succeed."""

    @property
    def has_key_fault(self) -> bool:
        """Whether a key is refused for a while."""
        return any(fault.kind is FaultKind.KEY for fault in self.scenario.faults)

    def __str__(self) -> str:
        lines = [f"healed at {self.healed_s} s, to be recovered at {self.recovered_s} s"]
        scenario = self.scenario
        lines += [str(each) for each in (*scenario.upstreams, *scenario.clients, *scenario.faults)]
        return "\n".join(lines)


def _tenth(value: float) -> float:
    """Rounded, so that a world can be read."""
    return round(value, 1)


def _clients(rng: random.Random, names: list[str], duration_s: float) -> tuple[ClientSpec, ...]:
    groups: list[ClientSpec] = []
    for number in range(rng.choice((1, 1, 2))):
        targets = rng.sample(names, rng.randrange(1, len(names) + 1))
        if number == 0:
            targets = rng.sample(names, len(names))
        is_closed = rng.random() < 0.2
        rate = _tenth(rng.uniform(2.5, 7.0))
        groups.append(
            ClientSpec(
                f"group{number}",
                tuple(targets),
                phases=() if is_closed else (Phase(0.0, duration_s, rate),),
                clients=rng.randrange(4, 12) if is_closed else 0,
                think_s=1.0,
                stream=rng.random() < 0.7,
                deadline_s=float(rng.choice((6, 10, 20, 30, 60))),
                input_tokens=rng.choice((20, 500)),
                output_tokens=rng.choice((5, 50)),
                sdk_retries=rng.choice((0, 0, 0, 2)),
            )
        )
    return tuple(groups)


def _upstream(rng: random.Random, name: str) -> UpstreamSpec:
    return UpstreamSpec(
        name,
        slots=rng.choice((60, 200)),
        first_token_s=rng.choice((0.05, 0.2, 0.4)),
        first_token_spread=rng.choice((0.0, 0.3, 0.5)),
        token_s=rng.choice((0.0, 0.002, 0.01)),
        slowdown=rng.choice((0.0, 0.5)),
        drops_cancelled=rng.random() < 0.6,
    )


def _fault(rng: random.Random, name: str, healed_s: float, kind: FaultKind) -> FaultSpec:
    from_s = _tenth(rng.uniform(0.5, healed_s - 1.0))
    until_s = healed_s if rng.random() < 0.5 else _tenth(rng.uniform(from_s + 0.5, healed_s))
    every_s = rng.choice((0.0, 0.0, 0.0, 1.0, 4.0))
    factor = 1.0
    if kind is FaultKind.SLOW:
        factor = rng.choice((3.0, 20.0, 200.0))
    elif kind is FaultKind.CAPACITY:
        factor = rng.choice((0.0, 0.05))
    has_share = kind not in (FaultKind.STALL, FaultKind.SLOW, FaultKind.CAPACITY, FaultKind.KEY)
    return FaultSpec(
        name,
        kind,
        from_s,
        until_s,
        share=rng.choice((1.0, 1.0, 0.5, 0.1)) if has_share else 1.0,
        factor=factor,
        status=rng.choice(_STATUSES),
        after_s=rng.choice((0.05, 1.0)),
        every_s=every_s,
    )


def world_of(rng: random.Random, *, heals: bool) -> World:
    """A world. `heals`: whether its faults end."""
    names = [f"up{number}" for number in range(rng.randrange(1, 4))]
    with_key = heals and rng.random() < 0.04
    healed_s = float(rng.randrange(4, 21))
    recovered_s = healed_s + RECOVERY_S + (PARK_S if with_key else 0.0)
    duration_s = float(ceil(recovered_s + _TAIL_S)) if heals else healed_s + 2 * RECOVERY_S
    last_s = healed_s if heals else duration_s + 1000.0
    faults = [
        _fault(rng, rng.choice(names), healed_s, rng.choice(_KINDS)) for _ in range(rng.randrange(1, 5))
    ]
    if with_key:
        faults.append(_fault(rng, rng.choice(names), healed_s, FaultKind.KEY))
    if rng.random() < 0.4 or not heals:  # all at once
        kind = rng.choice((FaultKind.ERROR, FaultKind.ERROR, FaultKind.HANG, FaultKind.STALL))
        start_s = _tenth(rng.uniform(0.5, healed_s - 1.0))
        status = rng.choice((500, 503, 529))
        faults += [FaultSpec(name, kind, start_s, last_s, status=status) for name in names]
    scenario = Scenario(
        name="world",
        title="A generated world",
        description="",
        duration_s=duration_s,
        clients=_clients(rng, names, duration_s),
        upstreams=tuple(_upstream(rng, name) for name in names),
        faults=tuple(faults),
        seed=rng.randrange(1 << 32),
    )
    return World(scenario, last_s, recovered_s if heals else float("inf"))
