"""What the outage run reads from pages and metrics."""

from halfopen.lab.drills.shown_counts import metrics, page, series_of

PAGE = """
<dl class="tiles"><div><dt>Requests</dt><dd>7<small>1/s</small></dd></div></dl>
<dl class="tiles" id="totals">
<div><dt>Requests</dt><dd>36,004</dd></div>
<div class="tone-bad"><dt><svg><path d="M1"/></svg>Answered whole</dt><dd>26,000<small>72 %</small></dd></div>
<div><dt>Rescued</dt><dd>12</dd></div>
<div><dt>Failed</dt><dd>10,001</dd></div>
</dl>
<dl><div><dt>Clients gone</dt><dd>9</dd></div></dl>
"""
METRICS = """
# TYPE halfopen_requests_total counter
halfopen_requests_total{route="a",target="p/m",result="ok"} 3
halfopen_requests_total{route="a",target="q/m",result="ok"} 2
halfopen_requests_total{route="a",target="q/m",result="cut_body"} 1
# TYPE halfopen_tokens_total counter
halfopen_tokens_total{route="a",target="p/m",type="input"} 40
# TYPE halfopen_cost_usd_total counter
halfopen_cost_usd_total{route="a",target="p/m"} 2.4e-07
# TYPE halfopen_outcomes_lost_total counter
halfopen_outcomes_lost_total 5
"""


def test_the_totals_of_a_page_are_read() -> None:
    """Those of all time only; what isn't shown there can agree with nothing."""
    assert page(PAGE).counts == {
        ("all",): 36004,
        ("all answered",): 26000,
        ("all rescued",): 12,
        ("all failed",): 10001,
        ("all gone",): -1,
    }


def test_metrics_are_read() -> None:
    """Over targets for what the client knows; money in whole billionths of a dollar."""
    told = metrics(METRICS)
    assert told.view.counts == {
        ("requests of a route", "a", "ok"): 5,
        ("requests of a route", "a", "cut_body"): 1,
        ("answered", "a", "p/m"): 3,
        ("answered", "a", "q/m"): 2,
    }
    assert told.known == {("tokens in", "a", "p/m"): 40, ("cost", "a", "p/m"): 240}
    assert told.lost == 5


def test_rows_are_added_up_as_the_chart_shows_them() -> None:
    """Rescued answers are no others; every kind of fault is a failure."""
    rows = {
        ("by minute", "60", "ok"): 10,
        ("by minute", "60", "cut_body"): 2,
        ("by minute", "60", "no_response"): 1,
        ("by minute", "60", "client_gone"): 4,
        ("rescued by minute", "60"): 3,
    }
    assert series_of(rows) == {
        ("answered", "60"): 7,
        ("rescued", "60"): 3,
        ("failed", "60"): 3,
        ("gone", "60"): 4,
    }
