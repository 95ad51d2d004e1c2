"""Who may look at the dashboard: nobody from elsewhere without a token that can't be guessed."""

import pytest

OPEN = '[dashboard]\nhost = "0.0.0.0"\n'
LONG = "sixteen-letters."


@pytest.mark.parametrize(
    ("token", "value", "expected"),
    [
        ("", "", "dashboard.host: lets other machines in, without a token"),
        ('token = "x"', "", "dashboard.token: is no reference to an environment variable"),
        ('token = "${LOOK}"', " ", "dashboard.token: the environment variable LOOK is not set"),
        ('token = "${LOOK}"', f" {LONG[1:]} ", "dashboard.token: has fewer than 16 characters"),
    ],
    ids=["none", "written out", "empty", "short"],
)
def test_what_would_let_strangers_in_is_refused(problems, environ, token, value, expected):
    """With what to do."""
    (problem,) = problems(more=OPEN + token, environ={**environ, "LOOK": value})
    assert expected in problem


def test_a_long_token_passes(problems, environ):
    """In parts as well."""
    assert problems(more=OPEN + 'token = "${LOOK}"', environ={**environ, "LOOK": LONG}) == []
    assert problems(more=OPEN + 'token = "sixteen-${LOOK}"', environ={**environ, "LOOK": "letters."}) == []
