"""`[processes]`: how many processes serve, and where they keep their state."""

from typing import Annotated

from msgspec import Meta

from halfopen.rollout.settings.table import Table, number


class Processes(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many processes serve, and where they keep their state. A change needs a restart."""

    workers: Annotated[
        int, number(0, 256, "Gateway workers. 0: one for each core that the gateway may use.", "workers")
    ] = 0
    replicas: Annotated[
        int,
        number(
            1,
            1000,
            "Gateways on all machines that use the same API keys. Each keeps to its part of their rate "
            "limits. With `[redis]`: as long as Redis has not said how many there are, then or in an earlier "
            "run; where that was more, it counts.",
            "gateways",
        ),
    ] = 1
    state_dir: Annotated[
        str,
        Meta(
            max_length=1024,
            description="Directory of snapshots, their history, outcomes and control's socket. Empty: "
            "`halfopen/` and the port under `$XDG_STATE_HOME`, or under `~/.local/state`. A relative path "
            "goes by the configuration file's directory. Each gateway needs its own.",
        ),
    ] = ""
