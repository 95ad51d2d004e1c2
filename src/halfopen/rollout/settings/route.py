"""`[routes."MODEL"]` and `[defaults]`: where a model's requests go, and how long they may take."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from halfopen.policy.options import JourneyOptions
from halfopen.rollout.settings.table import SECONDS_MAX, Table, number, seconds

_JOURNEY = JourneyOptions()

Deadline = Annotated[
    float,
    seconds(
        0.1,
        3600,
        "A plain answer, or a stream's first content: queue, retries and failovers included.",
    ),
]
AttemptTime = Annotated[
    float, seconds(0.1, 3600, "One plain attempt; at most half of what is left while a target is untried.")
]
FirstTokenTime = Annotated[float, seconds(0.1, 3600, "One streamed attempt until its first content.")]
StallTime = Annotated[float, seconds(0.1, 3600, "Longest time between two pieces of content.")]
StreamTime = Annotated[float, seconds(1, SECONDS_MAX, "A whole stream.")]
Attempts = Annotated[
    int, number(1, 3, "Calls to upstreams for one request, retries and failovers together.", "calls")
]
TokenRate = Annotated[
    float, number(0, 1000, "A stream slower than this is given up as a drip. 0: no floor.", "tokens a second")
]
FloorWindow = Annotated[float, seconds(1, 300, "The speed of a stream is taken over this long.")]


class Defaults(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a route has when it says nothing else."""

    deadline_s: Deadline = _JOURNEY.deadline_s
    attempt_s: AttemptTime = _JOURNEY.attempt_s
    first_token_s: FirstTokenTime = _JOURNEY.first_token_s
    stall_s: StallTime = _JOURNEY.stall_s
    stream_s: StreamTime = _JOURNEY.stream_s
    attempts: Attempts = _JOURNEY.attempts
    min_tokens_s: TokenRate = _JOURNEY.min_tokens_s
    floor_window_s: FloorWindow = _JOURNEY.floor_window_s


class Route(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where requests for one model name go. The table's name is the model name that clients send."""

    targets: Annotated[
        tuple[str, ...],
        Meta(
            min_length=1,
            max_length=16,
            description="Places to send a request to, as provider/model, in order of preference.",
        ),
    ]
    deadline_s: Deadline | UnsetType = UNSET
    attempt_s: AttemptTime | UnsetType = UNSET
    first_token_s: FirstTokenTime | UnsetType = UNSET
    stall_s: StallTime | UnsetType = UNSET
    stream_s: StreamTime | UnsetType = UNSET
    attempts: Attempts | UnsetType = UNSET
    min_tokens_s: TokenRate | UnsetType = UNSET
    floor_window_s: FloorWindow | UnsetType = UNSET
