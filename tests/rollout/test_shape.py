"""Everything that doesn't fit the settings is reported, with its place."""

import pytest

CASES = [
    pytest.param(
        "[gateway]\nprot = 1",
        'line 12: gateway.prot: unknown setting (did you mean "port"?)',
        id="unknown key",
    ),
    pytest.param(
        "[getaway]", 'line 11: getaway: unknown table (did you mean "gateway"?)', id="unknown table"
    ),
    pytest.param(
        '[routes."x"]\ntargets = ["openai/m"]\ndeadlines_s = 3',
        'line 13: routes.x.deadlines_s: unknown setting (did you mean "deadline_s"?)',
        id="unknown key in a route",
    ),
    pytest.param(
        '[gateway]\nport = "8500"',
        "line 12: gateway.port: must be a whole number, but is text (write it without quotes)",
        id="number in quotes",
    ),
    pytest.param(
        "[gateway]\nport = 8500.5",
        "line 12: gateway.port: must be a whole number, but is a number with a fraction",
        id="fraction",
    ),
    pytest.param(
        "[gateway]\nport = true",
        "line 12: gateway.port: must be a whole number, but is true or false",
        id="true",
    ),
    pytest.param(
        "[gateway]\nport = 0", "line 12: gateway.port: must be at least 1, but is 0", id="port zero"
    ),
    pytest.param(
        "[gateway]\nport = 32768",
        "line 12: gateway.port: must be at most 32767, but is 32768",
        id="port high",
    ),
    pytest.param("[gateway]\nhost = ''", "line 12: gateway.host: is empty", id="empty text"),
    pytest.param(
        "[gateway]\nhost = 1",
        "line 12: gateway.host: must be text in quotes, but is a whole number",
        id="not text",
    ),
    pytest.param(
        "[gateway]\nhost = 2026-01-01",
        "line 12: gateway.host: must be text in quotes, but is a date or time",
        id="a date",
    ),
    pytest.param("gateway = 1", "gateway: must be a table, but is a whole number", id="no table"),
    pytest.param(
        "[defaults]\nstall_s = nan",
        "line 12: defaults.stall_s: must be a finite number, but is nan",
        id="nan",
    ),
    pytest.param(
        "[defaults]\nstall_s = -inf",
        "line 12: defaults.stall_s: must be a finite number, but is -inf",
        id="inf",
    ),
    pytest.param(
        "[defaults]\nattempts = 4", "line 12: defaults.attempts: must be at most 3, but is 4", id="attempts"
    ),
    pytest.param(
        "[policy.breaker]\nfailure_ratio = 2",
        "line 12: policy.breaker.failure_ratio: must be at most 1, but is 2",
        id="ratio",
    ),
    pytest.param(
        '[providers.x]\ndialect = "Antropic"',
        'line 12: providers.x.dialect: "Antropic" is not one of anthropic, gemini, openai (did you mean "anthropic"?)',
        id="dialect",
    ),
    pytest.param(
        '[providers.x]\ndialect = "openai"\nlocal = "true"',
        "line 13: providers.x.local: must be true or false, but is text (write it without quotes)",
        id="true in quotes",
    ),
    pytest.param("[routes.x]\ndeadline_s = 3", 'line 11: routes.x: "targets" is missing', id="missing"),
    pytest.param("[routes.x]\ntargets = []", "line 12: routes.x.targets: is empty", id="no targets"),
    pytest.param(
        '[routes.x]\ntargets = "openai/m"',
        'line 12: routes.x.targets: must be an array, but is text (write it in brackets: ["openai/m"])',
        id="one target without brackets",
    ),
    pytest.param(
        "[routes.x]\ntargets = [1]",
        "line 12: routes.x.targets[0]: must be text in quotes, but is a whole number",
        id="target is a number",
    ),
    pytest.param(
        '[providers."a b"]\ndialect = "openai"',
        "line 11: providers.\"a b\": a name here is made of letters, digits, '-', '_' and '.', and begins with a letter or digit",
        id="provider's name",
    ),
]


@pytest.mark.parametrize(("more", "expected"), CASES)
def test_what_doesnt_fit_is_told_once(problems, more, expected):
    """One mistake gives one message with line, place, reason and, where there is one, the remedy."""
    text = None
    if more == "gateway = 1":
        assert expected in problems("gateway = 1\n")[0]
        return
    assert problems(text, more=more) == [expected]


def test_all_problems_are_listed_in_the_order_of_the_file(problems):
    """A person sees everything at once, not one mistake a run."""
    found = problems(
        more='[gateway]\nport = 0\nhots = "x"\n[routes.x]\ntargets = ["nobody/m", "y"]\nstall_s = "a"\n'
        "[policy.retry]\nbase_s = 9\n"
    )
    assert [line.split(":")[1].strip() for line in found] == [
        "gateway.port",
        "gateway.hots",
        "routes.x.targets[0]",
        "routes.x.targets[1]",
        "routes.x.stall_s",
        "policy.retry.base_s",
    ]


def test_a_wrong_type_never_shows_the_value(problems):
    """A secret in the wrong place is not printed."""
    found = problems(
        more='[providers.x]\ndialect = "openai"\nkey = ["sk-very-secret"]\nlocal = "sk-very-secret"'
    )
    assert len(found) == 2
    assert "sk-very-secret" not in "".join(found)


def test_a_huge_number_is_out_of_range(problems):
    """It is neither converted nor printed in full."""
    found = problems(more=f"[defaults]\nstall_s = {'9' * 400}")
    assert found == ["line 12: defaults.stall_s: must be at most 3600, but is a number of 400 digits"]
