"""Pictures of comparisons."""

import subprocess
import sys
from dataclasses import replace
from math import isnan

import pytest

from halfopen.app.simulation import Contestant, Entry, compare
from halfopen.simulator.report import Series
from halfopen.simulator.scenario import ClientSpec, FaultKind, FaultSpec, Phase, Scenario, UpstreamSpec

pytest.importorskip("matplotlib")

from halfopen.app.plots import draw, fault_strip, labels, palette, points

SMALL = Scenario(
    "small", "Everything goes $wrong_x$", "", 12,
    (ClientSpec("app", ("a", "b"), (Phase(0, 12, 8),), deadline_s=3),),
    (UpstreamSpec("a"), UpstreamSpec("b")),
    (FaultSpec("a", FaultKind.ERROR, 3, 6),),
)  # fmt: skip


def comparison(scenario=SMALL, *names):
    contestants = tuple(Contestant(name) for name in names or ("none", "halfopen"))
    return compare([Entry(scenario, contestants, 1)], jobs=1)[0]


def test_the_same_run_gives_the_same_bytes(tmp_path):
    """No date, no version, no settings of the person who draws are in the file."""
    import matplotlib as mpl

    (one,) = draw([comparison()], tmp_path)
    first = one.read_bytes()
    with mpl.rc_context({"font.size": 40, "figure.facecolor": "red"}):
        draw([comparison()], tmp_path)
    assert one.name == "small.png"
    assert one.read_bytes() == first
    assert b"tEXt" not in first
    assert first[16:24] == (1920).to_bytes(4) + (1080).to_bytes(4)


def test_drawing_changes_no_settings(tmp_path):
    """Who draws something else afterwards finds everything as it was."""
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    draw([comparison()], tmp_path)
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("name", "file"),
    [
        pytest.param("../../etc/x", "etc-x.png", id="a path"),
        pytest.param("a b/c", "a-b-c.png", id="blanks"),
        pytest.param("...", "scenario.png", id="nothing left"),
    ],
)
def test_a_name_never_leaves_the_folder(tmp_path, name, file):
    """A scenario's name is not a path."""
    assert draw([comparison(replace(SMALL, name=name))], tmp_path) == [tmp_path / file]


def test_two_scenarios_of_one_name_have_two_files(tmp_path):
    """Neither picture is lost."""
    shown = comparison()
    assert [path.name for path in draw([shown, shown, shown], tmp_path)] == [
        "small.png",
        "small-2.png",
        "small-3.png",
    ]


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(replace(SMALL, faults=()), id="no fault"),
        pytest.param(replace(SMALL, faults=(FaultSpec("a", FaultKind.ERROR, 0, 12), FaultSpec("b", FaultKind.HANG, 0, 12))), id="nobody answers"),
        pytest.param(replace(SMALL, faults=tuple(FaultSpec("a", FaultKind.ERROR, 3 + n, 9, share=0.1) for n in range(6))), id="many faults"),
        pytest.param(replace(SMALL, faults=(FaultSpec("a", FaultKind.ERROR, 3, 9, every_s=0.01),)), id="often"),
        pytest.param(replace(SMALL, title="word " * 40), id="long title"),
        pytest.param(replace(SMALL, clients=(ClientSpec("app", ("a",), (Phase(11, 12, 1),)),)), id="hardly anybody asks"),
    ],
)  # fmt: skip
def test_odd_scenarios_are_drawn(tmp_path, scenario):
    """Nothing that can be simulated breaks the picture, or warns."""
    (path,) = draw([comparison(scenario, "none", "sdk", "halfopen")], tmp_path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_series_becomes_few_points():
    """Seconds are taken together: shares of all requests, the highest p99, calls a second."""
    seconds = 240
    series = Series(
        arrived=(0, 0, 4, 1) + (1,) * (seconds - 4),
        succeeded=(0, 0, 2, 1) + (1,) * (seconds - 4),
        p99_s=(None, None, 0.5, 0.2) + (0.1,) * (seconds - 4),
        calls={"a": (0, 2, 4, 6) + (1,) * (seconds - 4), "b": (1, 1, 0, 0) + (0,) * (seconds - 4)},
        in_flight={},
    )
    made = points.points_of(series)
    assert len(made.times_s) == 120
    assert made.times_s[:2] == (1.0, 3.0)
    assert isnan(made.success[0])
    assert isnan(made.p99_s[0])
    assert (made.success[1], made.p99_s[1]) == (pytest.approx(60.0), 0.5)
    assert (made.requests[1], made.calls[0], made.calls[1]) == (2.5, 2.0, 5.0)


@pytest.mark.parametrize(
    ("heights", "placed"),
    [
        pytest.param([], [], id="none"),
        pytest.param([0.2, 0.6], [0.2, 0.6], id="far apart"),
        pytest.param([0.5, 0.5], [0.45, 0.55], id="together"),
        pytest.param([0.0, 0.0, 0.0], [0.0, 0.1, 0.2], id="at the bottom"),
        pytest.param([1.0, 1.0], [0.83, 0.93], id="at the top"),
        pytest.param([0.4, 0.45, 0.5], [0.35, 0.45, 0.55], id="a heap"),
    ],
)
def test_labels_move_apart(heights, placed):
    """By as little as can be, and never out of the panel."""
    assert labels.spread(heights, 0.1) == pytest.approx(placed)


def test_many_labels_share_the_room():
    """Where there is no room for the gap it is smaller."""
    moved = labels.spread([1.0] * 20, 0.1)
    assert (moved[0], moved[-1]) == (pytest.approx(0.0), pytest.approx(0.93))


def test_lines_that_end_together_have_labels_in_order_of_merit():
    """The best is the highest of them, and a lower line keeps its lower label."""
    look = palette.looks(("none",))["none"]
    best_first = [labels.Label(name, "", look, height) for name, height in
                  (("a", 0.95), ("low", 0.1), ("b", 0.99), ("gone", float("nan")))]  # fmt: skip
    assert [label.name for label in labels.in_order(best_first)] == ["gone", "low", "b", "a"]


def test_every_policy_has_a_look_of_its_own():
    """Peers are thin and muted, ours are wide; configurations differ from each other and from Halfopen."""
    names = ("none", "sdk", "grpc", "finagle", "naive", "jitter", "halfopen", "a.toml", "b.toml", "c.toml")
    found = palette.looks(names)
    assert len({(look.colour, look.dashes) for look in found.values()}) == len(names)
    assert [name for name in names if found[name].is_ours] == ["halfopen", "a.toml", "b.toml", "c.toml"]
    assert max(found[name].width for name in names[:6]) < min(found[name].width for name in names[6:])


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (FaultSpec("a", FaultKind.ERROR, 0, 1, share=0.125, status=503), "a: 12.5 % of calls answered 503"),
        (FaultSpec("a", FaultKind.ERROR, 0, 1), "a: all calls answered 500"),
        (FaultSpec("a", FaultKind.SLOW, 0, 1, factor=2, factor_end=10), "a: 2 to 10 times as slow"),
        (FaultSpec("a", FaultKind.CAPACITY, 0, 1, factor=0.5), "a: 50 % of the capacity"),
        (FaultSpec("a", FaultKind.STALL, 0, 9, every_s=2), "a: stalls, every 2 s"),
    ],
)
def test_faults_in_words(fault, text):
    """A few words tell what goes wrong."""
    assert fault_strip.told(fault) == text


def test_every_kind_of_fault_has_words():
    """None is left out of a picture."""
    assert len({fault_strip.told(FaultSpec("a", kind, 0, 1, factor=0.5)) for kind in FaultKind}) == len(
        FaultKind
    )


def test_a_fault_that_comes_back_is_shaded_each_time():
    """For the half of each period in which it holds, to its end."""
    fault = FaultSpec("a", FaultKind.ERROR, 10, 21, every_s=4)
    assert fault_strip.spans(fault) == [(10, 12), (14, 16), (18, 20)]


@pytest.mark.parametrize(
    ("from_s", "until_s", "begins_s", "is_left"),
    [
        pytest.param(0, 100, 0.5, False, id="in the bar"),
        pytest.param(10, 12, 12.5, False, id="on its right"),
        pytest.param(90, 95, 89.5, True, id="on its left"),
    ],
)
def test_words_stand_where_there_is_room(from_s, until_s, begins_s, is_left):
    """In the bar, else beside it."""
    bar = fault_strip.bar_of(FaultSpec("a", FaultKind.STALL, from_s, until_s), 100)
    assert (bar.text_s, bar.is_left) == (pytest.approx(begins_s), is_left)


def test_faults_that_overlap_have_rows_of_their_own():
    """And no more rows than the picture has room for."""
    faults = (FaultSpec("a", FaultKind.STALL, 1, 2), FaultSpec("a", FaultKind.STALL, 6, 7), FaultSpec("b", FaultKind.STALL, 1, 2))  # fmt: skip
    rows = fault_strip.rows(replace(SMALL, faults=faults))
    assert [[bar.text for bar in row] for row in rows] == [["a: stalls", "a: stalls"], ["b: stalls"]]
    assert len(fault_strip.rows(replace(SMALL, faults=(faults[0],) * 9))) == 4


def test_nothing_is_imported_unless_it_is_drawn():
    """The command starts without matplotlib, so it need not be there."""
    code = "import sys, halfopen.cli.simulate, halfopen.app.simulation; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
