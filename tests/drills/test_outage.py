"""The outage drill: its own arithmetic, and a short run with a real gateway process."""

import msgspec
import pytest
import uvloop

from halfopen.app.configuration import load
from halfopen.lab.calls import LabCall
from halfopen.lab.drills import outage
from halfopen.lab.drills.outage import Course, course_of, probes_max
from halfopen.lab.drills.process import configuration
from halfopen.lab.exchange import LabRequest
from halfopen.lab.server import LabProvider
from halfopen.policy import BreakerOptions


def call(question, at):
    body = msgspec.json.encode({"messages": [{"role": "user", "content": question}]})
    return LabCall(1, LabRequest("POST", "/", body=body), at, at)


def test_calls_are_told_apart_by_the_first_request_that_passed_the_primary_over():
    """Calls before the opening and right behind it are counted before; later ones are probes."""
    primary = [call("a", 1.0), call("a", 1.1), call("b", 1.2), call("late", 2.05), call("probe", 7.0)]
    backup = [
        call("a", 1.2),
        call("b", 1.3),
        call("c", 2.0),
        call("late", 2.1),
        call("d", 2.5),
        call("probe", 7.1),
    ]
    assert course_of(primary, backup, 8.0) == Course(
        calls_before=4, requests_before=3, calls_after=1, open_s=6.0
    )


def test_a_breaker_that_never_opens_is_seen():
    """When every request went to the primary first, nothing was opened."""
    calls = [call(str(number), float(number)) for number in range(5)]
    assert course_of(calls, calls, 9.0) == Course(5, 5, 0, 0.0)
    opened, after = outage._calls("plain", Course(5, 5, 0, 0.0), 5)
    assert (opened.sound, after.sound) == (False, True)


@pytest.mark.parametrize(
    ("course", "sound"),
    [
        pytest.param(Course(32, 32, 0, 3.0), (True, True), id="as promised"),
        pytest.param(Course(36, 32, 0, 3.0), (False, True), id="repeats before the opening"),
        pytest.param(Course(32, 32, 1, 3.0), (True, False), id="a probe too early"),
        pytest.param(Course(32, 32, 1, 4.0), (True, True), id="a probe in time"),
        pytest.param(Course(0, 0, 0, 3.0), (False, True), id="the primary was never called"),
    ],
)
def test_a_broken_promise_is_found(course, sound):
    """Neither repeats nor early calls pass for probes."""
    assert tuple(figure.sound for figure in outage._calls("plain", course, 1000)) == sound


@pytest.mark.parametrize(
    ("open_s", "probes"),
    [(3.9, 0), (4.0, 1), (11.1, 1), (11.3, 2), (18.3, 2), (18.5, 3), (25.7, 4)],
)
def test_the_room_for_probes_follows_the_breaker(open_s, probes):
    """Openings of 5 s, 9 s, 9 s … less a fifth leave room for so many probes."""
    assert probes_max(open_s, BreakerOptions()) == probes


def test_the_configuration_is_valid(tmp_path):
    """What the drill writes is a configuration that the gateway takes."""
    text = configuration([LabProvider("openai", 21001), LabProvider("anthropic", 21002)], 21003)
    assert 'targets = ["openai/gpt-4o-mini", "claude/claude-haiku-4-5"]' in text
    path = tmp_path / "halfopen.toml"
    path.write_text(text)
    snapshot = load(path, {"LAB_KEY": "lab"}).snapshot
    assert [target.name for target in snapshot.routes["gpt-4o-mini"].targets] == [
        "openai/gpt-4o-mini",
        "claude/claude-haiku-4-5",
    ]


@pytest.mark.alone
def test_a_short_outage_is_not_noticed():
    """With the primary at 500 throughout, every plain and streamed answer is complete."""
    report = uvloop.run(outage.drill(96))
    assert report.ok, "\n".join([*(figure.line() for figure in report.figures), *report.failures])
    complete = [figure for figure in report.figures if figure.name.endswith("complete answers")]
    assert [(figure.samples, figure.value) for figure in complete] == [(96, 1.0), (96, 1.0)]
