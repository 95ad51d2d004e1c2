"""What the processes say to each other over control's Unix socket.

Rules
1. Each message is one frame: its length as four bytes, big-endian, then MessagePack. See `frames`.
2. Whoever connects says `Hello` first. Nobody waits for an answer but the command line, which asks.
3. Every message can be lost: what matters is said again when the connection is made anew.
4. A message that isn't known is passed over, so that versions can differ while they are replaced.
"""

from enum import Enum
from typing import Any

import msgspec

FRAME_MAX_BYTES = 16 * 1024 * 1024
"""No message is longer."""


class Role(Enum):
    """Who speaks."""

    SUPERVISOR = "supervisor"
    WORKER = "worker"
    COMMAND = "command"


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """The first message on a connection."""

    role: Role
    pid: int
    number: int = 0
    """A worker's number, from 0."""
    snapshot: str = ""
    """The id of the snapshot that it serves now."""


class Apply(msgspec.Struct, frozen=True, tag="apply"):
    """Control: from now on serve this snapshot. It is in the state directory.

    It may be the snapshot that is served already, with other `secrets`.
    """

    snapshot: str
    secrets: dict[str, str] = msgspec.field(default_factory=dict)
    """Keys that the file writes out, by the name that references use. Nowhere on disk; all others are
    variables of the environment."""


class Applied(msgspec.Struct, frozen=True, tag="applied"):
    """A worker or the supervisor: this snapshot is served from now on, or could not be."""

    snapshot: str
    problem: str = ""
    """Why it is not served; empty: it is."""


class Reload(msgspec.Struct, frozen=True, tag="reload"):
    """The supervisor, on SIGHUP: read the configuration file again."""


class Outcomes(msgspec.Struct, frozen=True, tag="outcomes"):
    """A worker: requests that are over."""

    rows: msgspec.Raw
    """A MessagePack array; its form is told in `outcome_rows`."""
    count: int
    source: str = ""
    """Who made them: another one after each start of a worker."""
    first: int = 0
    """How many outcomes this source made before these, dropped ones included. A gap is a loss."""


class Recorded(msgspec.Struct, frozen=True, tag="recorded"):
    """Control: outcomes of this source before number `next` are stored, or lost and counted."""

    source: str
    next: int


class Load(msgspec.Struct, frozen=True, tag="load"):
    """A worker, about once a second: what it has to do."""

    connections: int
    in_flight: int
    waiting: int
    requests: int
    """Requests that it has begun since it started."""
    failures: int
    """Of the requests that are over, those that ended without a whole answer."""
    dropped: int
    cpu_s: float
    """CPU time that the process has used."""
    memory_bytes: int
    """Resident memory of the process."""
    demand: dict[str, float] = msgspec.field(default_factory=dict)
    """Tokens a second that it asks of each provider, waiting ones included."""
    held: dict[str, float] = msgspec.field(default_factory=dict)
    """The part of each provider's rate limits that it keeps to. Above 0, up to 1."""
    parked: int = 0
    """Keys that it doesn't use now, since a provider refused them or their quota is used up."""


class Shares(msgspec.Struct, frozen=True, tag="shares"):
    """Control, about once a second: which part of each provider's rate limits the reader may use."""

    shares: dict[str, float]
    """Above 0, up to 1."""
    alone: dict[str, float] = msgspec.field(default_factory=dict)
    """What it may use when it hears no more from control: other machines then count on its even part."""


class Parked(msgspec.Struct, frozen=True, tag="parked"):
    """A worker: a provider refuses a key, or takes it again. Control: the same, of other processes."""

    provider: str
    key: str
    """The reference, never the key. Empty: calls go without one."""
    kind: str
    """What is wrong, as the taxonomy names it."""
    left_s: float
    """For so long nobody should ask with it. 0: it is good again."""


class BreakerNews(msgspec.Struct, frozen=True, tag="breaker"):
    """A worker: its breaker of a target has opened, is still not closed, or has closed. Control: others'."""

    target: str
    is_open: bool


class Gateways(msgspec.Struct, frozen=True, tag="gateways"):
    """Control to the supervisor: so many gateways, this one included, share rate limits by Redis."""

    count: int


class Children(msgspec.Struct, frozen=True, tag="children"):
    """The supervisor, about once a second and on each change: its processes."""

    control_pid: int
    worker_pids: list[int]
    restarts: dict[str, int]
    """How often each has been started again, by name: `control`, `worker 0`, ..."""
    notes: list[str] = msgspec.field(default_factory=list)
    """What a person should know, such as a worker that dies at once each time."""


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """The command line: `status`, `history`, `apply` or `rollback`."""

    what: str
    argument: str = ""
    """`apply`: the text of a `halfopen.toml`. `rollback`: an id, or empty for the one before."""
    until_s: float | None = None
    """After this time of the system's monotonic clock nothing is to be changed any more; None: whenever."""


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """Control's answer to the command line."""

    ok: bool
    data: dict[str, Any]
    problem: str = ""


Message = (
    Hello
    | Apply
    | Applied
    | Reload
    | Outcomes
    | Recorded
    | Load
    | Shares
    | Parked
    | BreakerNews
    | Gateways
    | Children
    | Ask
    | Answer
)
