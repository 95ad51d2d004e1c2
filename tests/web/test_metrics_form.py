"""The format of `/metrics`, by the Accept of who asks."""

from typing import Any

import pytest

from halfopen.web.metrics_form import Form, form_of

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ((), Form.TEXT),
        (("*/*",), Form.TEXT),
        ((BROWSER,), Form.TEXT),
        ((PROMETHEUS_2,), Form.OPENMETRICS),
        ((PROMETHEUS_3,), Form.OPENMETRICS),
        (("text/plain;version=0.0.4",), Form.TEXT),
        (("application/openmetrics-text",), Form.OPENMETRICS),
        (('Application/OpenMetrics-Text; Version="1.0.0"',), Form.OPENMETRICS),
        (("application/openmetrics-text; version=0.0.1",), Form.TEXT),
        (("application/openmetrics-text; version=2.0.0",), Form.TEXT),
        (("application/openmetrics-text;q=0.3, text/plain;q=0.7",), Form.TEXT),
        (("text/plain;q=0.3, application/openmetrics-text;q=0.7",), Form.OPENMETRICS),
        (("text/plain", "application/openmetrics-text"), Form.OPENMETRICS),
        (("application/openmetrics-text;q=0", "text/plain;q=0"), Form.TEXT),
        (("application/openmetrics-text;q=0.5, */*",), Form.TEXT),
        (("application/openmetrics-text;q=0.5, text/plain;q=0.1, */*",), Form.OPENMETRICS),
        (("application/openmetrics-text;q=0.5, text/*;q=0.6",), Form.TEXT),
        (("application/openmetrics-text;q=nan",), Form.TEXT),
        (("application/openmetrics-text;q=7",), Form.TEXT),
        (("application/openmetrics-text;q=",), Form.TEXT),
        ((";;=,,;q=1",), Form.TEXT),
    ],
)
def test_the_format_that_is_preferred(accept: tuple[str, ...], form: Form) -> None:
    """OpenMetrics only where it is asked for by name and nothing is liked better."""
    assert form_of(accept) is form


@pytest.mark.parametrize(
    ("accept", "form", "last"), [(PROMETHEUS_2, Form.OPENMETRICS, b"# EOF\n"), ("*/*", Form.TEXT, b" 4210\n")]
)
def test_the_answer_names_its_format(
    application: Any, ask: Any, accept: str, form: Form, last: bytes
) -> None:
    """And says that it depends on what is asked for."""
    answer = ask(application(), "/metrics", headers=[("accept", accept)])
    assert answer.headers["content-type"] == form.value
    assert answer.headers["vary"] == "accept"
    assert answer.body.endswith(last)
