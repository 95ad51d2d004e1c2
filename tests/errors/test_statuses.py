"""What HTTP statuses say by themselves."""

import pytest

from halfopen import errors
from halfopen.errors.finding import Finding, Weight
from halfopen.errors.http_status import read_status
from halfopen.errors.retry_after import DELAY_MAX_S
from halfopen.model import Kind, Place, Verdict

MEANINGS = {
    Kind.INVALID_REQUEST: (400, 406, 411, 412, 414, 415, 416, 417, 418, 422, 428, 431, 497),
    Kind.QUOTA_EXHAUSTED: (402,),
    Kind.BAD_KEY: (401,),
    Kind.FORBIDDEN: (403,),
    Kind.MODEL_NOT_FOUND: (404, 405, 410),
    Kind.REQUEST_TIMEOUT: (408,),
    Kind.CONFLICT: (409, 423, 425),
    Kind.REQUEST_TOO_LARGE: (413,),
    Kind.PROTOCOL_ERROR: (426, 505),
    Kind.RATE_LIMITED: (429,),
    Kind.REGION_BLOCKED: (451,),
    Kind.OVERLOADED: (498, 529),
    Kind.CANCELLED: (499,),
    Kind.SERVER_ERROR: (500, 506, 507, 508, 510, 528, 531, 597),
    Kind.NOT_IMPLEMENTED: (501,),
    Kind.BAD_GATEWAY: (424, 502),
    Kind.UNAVAILABLE: (503,),
    Kind.GATEWAY_TIMEOUT: (504, 598, 599),
    Kind.EDGE_ERROR: (520, 521, 522, 523, 525, 526, 527, 530),
    Kind.EDGE_TIMEOUT: (524,),
    Kind.UNKNOWN: (407, 511, 0, 100, 204, 301, 399, 600, 999, -1),
}


@pytest.mark.parametrize(
    ("status", "kind"),
    [pytest.param(s, kind, id=str(s)) for kind, statuses in MEANINGS.items() for s in statuses],
)
def test_each_status_has_its_kind(status: int, kind: Kind) -> None:
    """Registered statuses, and those that CDNs and providers made up, mean their kind."""
    assert errors.kind_of_status(status) is kind
    assert read_status(status).kind is kind
    assert read_status(status).fact == f"status {status}"


PLAIN = (401, 402, 403, 404, 405, 408, 409, 410, 413, 423, 424, 425, 429, 451, 498, 499)


def test_which_statuses_say_one_thing() -> None:
    """4xx with one meaning weigh more than a vague word; 400, 422, proxies' and all 5xx do not."""
    heavy = [status for status in range(100, 600) if read_status(status).weight is Weight.PLAIN_STATUS]
    assert heavy == sorted(PLAIN)
    assert {read_status(status).weight for status in range(100, 600) if status not in PLAIN} == {
        Weight.STATUS
    }


@pytest.mark.parametrize(
    ("status", "verdict", "place"),
    [
        pytest.param(529, Verdict.FAILOVER, None, id="529-lasts"),
        pytest.param(528, None, None, id="528"),
        pytest.param(407, Verdict.FAILOVER, Place.NETWORK, id="407-proxy"),
        pytest.param(511, Verdict.FAILOVER, Place.NETWORK, id="511-portal"),
        pytest.param(300, Verdict.FAILOVER, Place.CONFIGURATION, id="300"),
        pytest.param(399, Verdict.FAILOVER, Place.CONFIGURATION, id="399"),
        pytest.param(299, None, None, id="299-no-redirect"),
        pytest.param(400, None, None, id="400-no-redirect"),
        pytest.param(500, None, None, id="500"),
    ],
)
def test_statuses_with_a_verdict_of_their_own(
    status: int, verdict: Verdict | None, place: Place | None
) -> None:
    """Redirects, proxies and Anthropic's 529 fail over wherever their kind would not."""
    finding = read_status(status)
    assert (finding.verdict, finding.place) == (verdict, place)


def test_no_status_says_little() -> None:
    """Without a status there is hardly a finding, and it says where none was."""
    assert read_status(None) == Finding(Kind.UNKNOWN, Weight.VAGUE, "no status")
    assert read_status(None, "status in error").fact == "no status in error"
    assert read_status(401, "status in error").fact == "status in error 401"


STATUSES = {kind: errors.TAXONOMY[kind].statuses for kind in Kind}


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.value)
def test_a_kinds_own_statuses_are_kept(kind: Kind) -> None:
    """A status that says the kind plainly is kept; any other deserves the kind's own."""
    for status in STATUSES[kind]:
        assert errors.make(kind, status=status).effective_status == status
    other = next(s for s in range(400, 600) if s not in STATUSES[kind])
    assert errors.make(kind, status=other).effective_status == STATUSES[kind][0]


def test_delays_of_a_fault() -> None:
    """Zero is a delay, and the longest is a day."""
    assert errors.make(Kind.RATE_LIMITED, delay_s=0.0).delay_s == 0.0
    assert DELAY_MAX_S == 86_400.0


def test_evidence_outweighs_in_one_order() -> None:
    """Each kind of evidence has a weight of its own: words beat statuses, exact ones beat types, credit beats all."""
    assert [(weight.name, weight.value) for weight in Weight] == [
        ("VAGUE", -1),
        ("STATUS", 0),
        ("PLAIN_STATUS", 1),
        ("TYPE", 2),
        ("CODE", 3),
        ("CREDIT", 4),
    ]
