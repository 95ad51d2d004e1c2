"""`[routes."MODEL"]` and `[defaults]`: where a model's requests go, and how long they may take."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from halfopen.policy.options import JourneyOptions
from halfopen.rollout.settings.table import SECONDS_MAX, Table, number, seconds, size

_JOURNEY = JourneyOptions()

Deadline = Annotated[
    float,
    seconds(
        0.1,
        3600,
        "A plain answer, or a stream's first content: queue, retries and failovers included. A stream "
        "that breaks after its content has begun gets this long again to find another target.",
    ),
]
AttemptTime = Annotated[
    float, seconds(0.1, 3600, "One plain attempt; at most half of what is left while a target is untried.")
]
FirstTokenTime = Annotated[
    float,
    seconds(
        0.1,
        3600,
        "One streamed attempt until its first content, at most. Once 20 streams of a target are known, "
        "twice the time that 99 of 100 of them keep to.",
    ),
]
FirstTokenMin = Annotated[
    float,
    seconds(
        0.1,
        3600,
        "However quick a target is, a streamed attempt gets this long, or first_token_s if that is less.",
    ),
]
StallTime = Annotated[float, seconds(0.1, 3600, "Longest time between two pieces of content.")]
StreamTime = Annotated[float, seconds(1, SECONDS_MAX, "A whole stream, retries and continuations included.")]
Attempts = Annotated[
    int,
    number(
        1, 3, "Calls to upstreams for one request: retries, failovers and continuations together.", "calls"
    ),
]
TokenRate = Annotated[
    float, number(0, 1000, "A stream slower than this is given up as a drip. 0: no floor.", "tokens a second")
]
FloorWindow = Annotated[float, seconds(1, 300, "The speed of a stream is taken over this long.")]
AfterCommit = Annotated[
    Literal["continue", "error", "hold"],
    Meta(
        description="A stream that breaks after the client has got a part of it: continue has another "
        "target go on where it broke, error ends it with an error event, hold delivers nothing before "
        "the answer is whole."
    ),
]
JsonAnswers = Annotated[
    Literal["hold", "relay"],
    Meta(
        description="Streamed answers to requests that ask for JSON: hold delivers them when they are "
        "whole, relay as they come."
    ),
]
KeepAliveAfter = Annotated[
    float,
    seconds(
        0,
        3600,
        "A streamed answer that has brought nothing for this long gets a sign of life, which fixes its "
        "status as 200. 0: never.",
    ),
]
KeepAliveEvery = Annotated[
    float, seconds(0.1, 3600, "And from then on one in this long, while it is silent.")
]
Choose = Annotated[
    Literal["order", "weight", "least_loaded", "fastest", "cheapest"],
    Meta(
        description="In which order the targets are tried: order as they are listed, weight at random by "
        "weights, least_loaded by the share of their limit that is in use, fastest by their time to "
        "first token, cheapest by their price for the request."
    ),
]
Weight = Annotated[float, Meta(ge=0, le=1000)]
Hedge = Annotated[
    float,
    number(
        0,
        0.2,
        "Most tokens that second calls may add, as a share of all. A stream whose first content is late "
        "is asked for at another target as well, and the quicker one is relayed. 0: never.",
    ),
]
KeepContent = Annotated[
    Literal["none", "failed", "all"],
    Meta(
        description="Of which requests prompt and answer are kept, masked: none; failed, those whose client "
        "got no whole answer; all. Requests that are relayed as they are never are."
    ),
]
ContentBytes = Annotated[
    int,
    size(256, 65_536, "Most that is kept of each prompt, its last messages first, and of each answer."),
]


class Defaults(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a route has when it says nothing else."""

    deadline_s: Deadline = _JOURNEY.deadline_s
    attempt_s: AttemptTime = _JOURNEY.attempt_s
    first_token_s: FirstTokenTime = _JOURNEY.first_token_s
    first_token_min_s: FirstTokenMin = _JOURNEY.first_token_min_s
    stall_s: StallTime = _JOURNEY.stall_s
    stream_s: StreamTime = _JOURNEY.stream_s
    attempts: Attempts = _JOURNEY.attempts
    min_tokens_s: TokenRate = _JOURNEY.min_tokens_s
    floor_window_s: FloorWindow = _JOURNEY.floor_window_s
    after_commit: AfterCommit = _JOURNEY.after_commit.value
    json_answers: JsonAnswers = _JOURNEY.json_answers.value
    keepalive_after_s: KeepAliveAfter = _JOURNEY.keepalive_after_s
    keepalive_every_s: KeepAliveEvery = _JOURNEY.keepalive_every_s
    choose: Choose = _JOURNEY.choice.value
    hedge: Hedge = _JOURNEY.hedge.extra_load


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
    first_token_min_s: FirstTokenMin | UnsetType = UNSET
    stall_s: StallTime | UnsetType = UNSET
    stream_s: StreamTime | UnsetType = UNSET
    attempts: Attempts | UnsetType = UNSET
    min_tokens_s: TokenRate | UnsetType = UNSET
    floor_window_s: FloorWindow | UnsetType = UNSET
    after_commit: AfterCommit | UnsetType = UNSET
    json_answers: JsonAnswers | UnsetType = UNSET
    keepalive_after_s: KeepAliveAfter | UnsetType = UNSET
    keepalive_every_s: KeepAliveEvery | UnsetType = UNSET
    choose: Choose | UnsetType = UNSET
    weights: (
        Annotated[
            tuple[Weight, ...],
            Meta(
                min_length=1,
                max_length=16,
                description='With choose = "weight": how often each target comes first against the others, '
                "one number for each target. 0: only when the others can't.",
                examples=[[3, 1, 1]],
            ),
        ]
        | UnsetType
    ) = UNSET
    hedge: Hedge | UnsetType = UNSET
    keep_content: KeepContent = "none"
    content_bytes: ContentBytes = 8192
