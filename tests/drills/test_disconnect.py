"""A client that leaves stops its upstream call."""

import uvloop

from halfopen.lab.drills import disconnect
from halfopen.lab.drills.disconnect import LEAVINGS


def test_an_upstream_call_stops_with_its_client():
    """At each moment the upstream sees its caller leave within a second."""
    report = uvloop.run(disconnect.drill(2))
    assert report.ok, "\n".join([*(figure.line() for figure in report.figures), *report.failures])
    assert len(report.figures) == 2 * len(LEAVINGS)


def test_a_call_that_goes_on_is_found(monkeypatch):
    """The drill can fail: a gateway that keeps the upstream call is told."""
    from halfopen.gateway.exchange import Exchange

    monkeypatch.setattr(Exchange, "on_client_gone", lambda self: None)
    monkeypatch.setattr(disconnect, "_PATIENCE_S", 1.1)
    assert uvloop.run(disconnect.leave(LEAVINGS[0])) is None
