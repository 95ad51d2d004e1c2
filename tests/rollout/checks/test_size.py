"""How large a configuration may be."""

import pytest

from halfopen.rollout.checks.size import ROUTES_MAX, TARGETS_MAX


def routes(count, targets):
    """So many routes with so many targets each, none of which two have in common."""
    texts = []
    for route in range(count):
        named = ", ".join(f'"openai/m{route}-{target}"' for target in range(targets))
        texts.append(f"[routes.r{route}]\ntargets = [{named}]\n")
    return "".join(texts)


@pytest.mark.parametrize(
    ("count", "targets", "message"),
    [
        (ROUTES_MAX, 1, "has 1,001 routes, and 1,000 is the most"),
        (TARGETS_MAX // 4, 4, "has 2,002 different targets, and 2,000 is the most"),
    ],
    ids=["routes", "targets"],
)
def test_too_much_is_refused(problems, count, targets, message):
    """With the number and the bound; the good text has a route and two targets of its own."""
    (problem,) = problems(more=routes(count, targets))
    assert problem.endswith(f"routes: {message} (run a second gateway for the others)")


def test_as_much_as_is_allowed_is_served(configured):
    """And a target counts once, however many routes have it."""
    same = "".join(
        f'[routes.r{number}]\ntargets = ["openai/a", "openai/b", "openai/c"]\n'
        for number in range(ROUTES_MAX - 1)
    )
    assert len(configured(more=same).snapshot.routes) == ROUTES_MAX
