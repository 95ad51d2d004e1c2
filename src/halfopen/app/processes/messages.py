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

from halfopen.model.gateway_key import GatewayKey
from halfopen.policy.budget import Amounts

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


class Contents(msgspec.Struct, frozen=True, tag="contents"):
    """A worker: what was asked and answered, of routes that keep it. Nobody says that it has come."""

    rows: list[msgspec.Raw]
    """A `model.content.Content` each."""


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
    content_dropped: int = 0
    """Requests whose prompt and answer it gave up before they could be sent."""


class Known(msgspec.Struct, frozen=True):
    """What a worker knows of one target."""

    target: str
    breaker: str
    """closed, open or half_open."""
    last_fault: str = ""
    """The kind of the latest fault."""
    in_flight: int = 0
    limit: int | None = None
    waiting: int = 0
    """Requests that wait for room there."""
    throttled_s: float = 0.0
    parked: dict[str, str] = msgspec.field(default_factory=dict)
    """Keys, by reference, that it doesn't use now, and why."""
    requests_left: float | None = None
    requests_max: float | None = None
    tokens_left: float | None = None
    tokens_max: float | None = None


class States(msgspec.Struct, frozen=True, tag="states"):
    """A worker, about once a second: what it knows of its targets."""

    targets: list[Known]


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """The supervisor: a worker is no more. Said again on each connection, while it is remembered."""

    source: str
    """Of its outcomes."""
    made: int
    """How many requests it has ended, as its counter in shared memory says."""


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


class Keys(msgspec.Struct, frozen=True, tag="keys"):
    """Control: these are the gateway's own keys from now on."""

    digest: str
    """Of all that follows."""
    keys: list[GatewayKey]
    closed: bool = False
    """Whether there are some that can't be read, so that nobody is to be let in."""


class KeysHeld(msgspec.Struct, frozen=True, tag="keys_held"):
    """A worker or the supervisor: it has these keys."""

    digest: str


class Left(msgspec.Struct, frozen=True):
    """What is left of one caller's budget."""

    window_s: int
    """When its window began. Seconds since the Unix epoch."""
    amounts: Amounts


class Budgets(msgspec.Struct, frozen=True, tag="budgets"):
    """Control, some times a second while there are budgets: what is left of each."""

    counted: int
    """How many outcomes of the reader are taken off."""
    left: dict[str, Left]
    """By the name of the caller."""


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
    """The command line: `status`, `history`, `apply`, `rollback`, `keys`, or what `view` answers."""

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
    | Contents
    | Recorded
    | Load
    | States
    | Ended
    | Shares
    | Parked
    | BreakerNews
    | Keys
    | KeysHeld
    | Budgets
    | Gateways
    | Children
    | Ask
    | Answer
)
