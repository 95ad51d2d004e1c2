"""One policy in a comparison: one that the simulator knows by name, or a person's configuration."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from halfopen.app.configuration import ConfigurationError, load
from halfopen.app.simulation.unusable import UnusableError, is_file, near, shown
from halfopen.rollout import Snapshot
from halfopen.simulator.scenario import Scenario
from halfopen.simulator.strategies import STRATEGIES, make_configured
from halfopen.simulator.strategy import MakeStrategy

DEFAULT = ("none", "sdk", "grpc", "finagle", "halfopen")
"""Who is compared when nobody is named."""
OURS = "halfopen"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A policy by the name under which it is shown. It can be sent to another process."""

    name: str
    """As it was given: a name, or the path of a configuration."""
    snapshot: Snapshot | None = None
    """What a configuration says; None: the name is one that the simulator knows."""

    @property
    def rank(self) -> str:
        """Whose expectations hold for it, and whose draws it makes.

        A configuration is Halfopen, wherever its file is.
        """
        return OURS if self.snapshot is not None else self.name

    def maker(self) -> MakeStrategy:
        """Makes its strategy."""
        if self.snapshot is None:
            return STRATEGIES[self.name].make
        return make_configured(self.snapshot, self.name)

    def strangers(self, scenario: Scenario) -> tuple[str, ...]:
        """The upstreams that a configuration has no provider for, so no keys and no rate limits either."""
        if self.snapshot is None:
            return ()
        providers = self.snapshot.providers
        return tuple(spec.name for spec in scenario.upstreams if spec.name not in providers)


def find_contestant(given: str) -> Contestant:
    """The policy of a name, else the configuration at a path.

    The configuration's references to the environment need no values: nobody is called.

    Raises:
        UnusableError: There is neither, the file can't be read, or it is no configuration.
    """
    if given in STRATEGIES:
        return Contestant(given)
    path = Path(given)
    if "/" not in given and "\\" not in given and not given.endswith(".toml") and not is_file(path):
        hint = near(given, STRATEGIES)
        message = f"there is no policy {shown(given)}{f' ({hint})' if hint else ''}"
        advice = f"there are {', '.join(STRATEGIES)}, and the path of a configuration file"
        raise UnusableError(f"{message}; {advice}", wrong_usage=True)
    try:
        return Contestant(given, load(path, _StandIns()).snapshot)
    except ConfigurationError as error:
        raise UnusableError(str(error), wrong_usage=error.unreadable) from None


class _StandIns(Mapping[str, str]):
    """An environment in which every variable is set, to a value of its own.

    So a configuration can be tried where its keys are not, and keys are never read.
    """

    def __getitem__(self, name: str) -> str:
        return f"stand-in-{name}"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
