"""The table of what the official clients' tests have shown."""

import pytest


def report(name, about, outcome="passed", when="call"):
    properties = [] if about is None else [("clients-table", about)]
    return pytest.TestReport(name, ("a", 1, "b"), {}, outcome, None, when, user_properties=properties)


def told(table, *reports):
    made = table.Table()
    for each in reports:
        made.pytest_runtest_logreport(each)
    return made


def test_counts(table):
    """Tests are counted by client, provider and feature; a failure is named."""
    made = told(
        table,
        report("one", ["chat", "openai", "plain"]),
        report("two", ["chat", "openai", "plain"], "failed"),
        report("three", ["messages", "gemini", "stream"]),
        report("elsewhere", None),
    )
    shown = made.shown()
    assert shown["clients"] == {
        "chat": {"openai": {"plain": {"passed": 1, "total": 2}}},
        "messages": {"gemini": {"stream": {"passed": 1, "total": 1}}},
    }
    assert (shown["passed"], shown["total"], shown["failed"], shown["ok"]) == (2, 3, ["two"], False)
    assert made.lines() == [
        "chat        openai     plain 1/2",
        "messages    gemini     stream 1/1",
        "2 of 3 passed",
    ]


@pytest.mark.parametrize("when", ["setup", "teardown"])
def test_failures_around_a_test_count(table, when):
    """A test that can't be set up, or not be cleaned up after, has failed."""
    about = ["chat", "openai", "plain"]
    passed = [report("one", about)] if when == "teardown" else []
    shown = told(table, *passed, report("one", about, "failed", when)).shown()
    assert (shown["passed"], shown["total"]) == (0, 1)


def test_skipped_tests_count_for_nothing(table):
    """A skipped test neither passes nor fails, and leaves its cell missing."""
    shown = told(table, report("one", ["chat", "openai", "plain"], "skipped")).shown()
    assert (shown["total"], shown["clients"]) == (0, {})
    assert "chat, openai: plain" in shown["missing"]


def test_what_was_not_tested_is_missing(table):
    """A table in which a client, provider or feature has no test is not ok."""
    every = [
        report(f"{client} {provider} {feature}", [client, provider, feature])
        for client, (providers, features) in table.REQUIRED.items()
        for provider in providers
        for feature in features
    ]
    assert told(table, *every).shown()["ok"]
    shown = told(table, *every[1:]).shown()
    assert (shown["ok"], shown["missing"]) == (False, ["chat, openai: plain"])
