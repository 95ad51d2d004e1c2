"""Which requests a set fault strikes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from random import Random

from halfopen.lab.fault import LabFault, OptionValue
from halfopen.lab.steps import Place

_PLACES = ("at_event", "at_byte", "in_call", "at_finish")


@dataclass(slots=True)
class FaultPlan:
    """A fault that was set, and how far its schedule has come."""

    fault: LabFault
    options: Mapping[str, OptionValue]
    after: int = 0
    """Good answers first."""
    times: int | None = None
    """Strikes until the provider is healthy again; None: for good."""
    probability: float = 1.0
    """Of a strike, in [0, 1]."""
    seed: int = 0
    offered: int = 0
    struck: int = 0
    met: int = 0
    """How often it really happened on the wire."""
    place: Place | None = None
    """Where it struck last, if inside a stream."""
    _random: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Seed the draw."""
        self._random = Random(self.seed)  # noqa: S311 - a schedule that can be repeated, not a secret

    def take(self) -> bool:
        """Whether the next request is struck. Counts it."""
        self.offered += 1
        if self.offered <= self.after or (self.times is not None and self.struck >= self.times):
            return False
        if self.probability < 1.0 and self._random.random() >= self.probability:
            return False
        self.struck += 1
        return True

    @property
    def state(self) -> dict[str, object]:
        """What the control API shows."""
        return {
            "name": self.fault.name,
            "options": dict(self.options),
            "after": self.after,
            "times": self.times,
            "probability": self.probability,
            "seed": self.seed,
            "offered": self.offered,
            "struck": self.struck,
            "met": self.met,
            "place": None if self.place is None else asdict(self.place),
        }


def _check(name: str, value: OptionValue, default: OptionValue) -> None:
    if isinstance(default, bool):
        if isinstance(value, str) or value not in {0, 1}:
            raise ValueError(f"option {name!r} must be true or false")
        return
    text = isinstance(default, str)
    if isinstance(value, bool) or isinstance(value, str) is not text:
        raise ValueError(f"option {name!r} must be a {'string' if text else 'number'}")
    if not isinstance(value, str) and not 0 <= value < float("inf"):
        raise ValueError(f"option {name!r} must not be negative")


def make_plan(
    fault: LabFault,
    options: Mapping[str, OptionValue],
    *,
    after: int = 0,
    times: int | None = None,
    probability: float = 1.0,
    seed: int = 0,
) -> FaultPlan:
    """A plan with checked values. Raises ValueError that says what is wrong."""
    defaults = dict(fault.options)
    for name, value in options.items():
        if name not in defaults:
            known = ", ".join(defaults) or "none"
            raise ValueError(f"fault {fault.name} has no option {name!r} (it has: {known})")
        _check(name, value, defaults[name])
    given = [name for name in _PLACES if options.get(name) not in {None, False}]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} can't both be asked for: a stream breaks in one place")
    if after < 0 or (times is not None and times < 1):
        raise ValueError("after must be at least 0 and times at least 1")
    if not 0 <= probability <= 1:
        raise ValueError("probability must be between 0 and 1")
    return FaultPlan(fault, {**defaults, **options}, after, times, probability, seed)
