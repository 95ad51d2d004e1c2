"""`halfopen lab` runs, lists, sets, clears and shows."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from typer.testing import CliRunner

from halfopen.cli.lab import app
from halfopen.lab import Lab, LabProvider, faults, free_port

RUN = CliRunner()


@contextmanager
def in_a_thread(thing: Lab | LabProvider) -> Iterator[None]:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(thing.start())
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(thing.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_faults_are_listed():
    """Every fault is listed, as text and as JSON."""
    listed = json.loads(RUN.invoke(app, ["faults", "--json"]).stdout)["faults"]
    assert [fault["name"] for fault in listed] == list(faults.names())
    text = RUN.invoke(app, ["faults"]).stdout
    assert all(name in text for name in faults.names())


def test_set_show_and_clear():
    """A running provider is made to fail, shown and mended."""
    provider = LabProvider("openai")
    with in_a_thread(provider):
        port = ["--port", str(provider.port)]
        done = RUN.invoke(
            app, ["set", "openai", "slow_headers", "--times", "3", "--option", "delay_s=0.5", *port, "--json"]
        )
        fault = json.loads(done.stdout)["providers"][0]["fault"]
        shown = RUN.invoke(app, ["show", "openai", *port])
        cleared = RUN.invoke(app, ["clear", "openai", *port])
    assert (done.exit_code, shown.exit_code, cleared.exit_code) == (0, 0, 0)
    assert (fault["name"], fault["times"], fault["options"]) == ("slow_headers", 3, {"delay_s": 0.5})
    assert "slow_headers (met 0 times)" in shown.stdout
    assert "healthy" in cleared.stdout


@pytest.mark.parametrize(("word", "value"), [("true", True), ("false", False), ("1", 1)])
def test_an_option_may_be_true_or_false(word, value):
    """A fault's switch is set by the words that the reference uses."""
    provider = LabProvider("openai")
    with in_a_thread(provider):
        option = ["--option", f"in_call={word}", "--port", str(provider.port), "--json"]
        done = RUN.invoke(app, ["set", "openai", "stream_cut_after_content", *option])
    assert json.loads(done.stdout)["providers"][0]["fault"]["options"]["in_call"] == value


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["set", "openai", "nothing"], 2, "no fault 'nothing'"),
        (["set", "robot", "refused"], 2, "no provider 'robot'"),
        (["set", "openai", "refused", "--option", "x"], 2, "is not name=value"),
        (["clear", "--port", "1"], 2, "--port needs a provider"),
    ],
    ids=["fault", "provider", "option", "port"],
)
def test_wrong_arguments_exit_with_2(arguments, status, words):
    """A wrong name says so and exits with 2."""
    provider = LabProvider("openai")
    with in_a_thread(provider):
        more = ["--port", str(provider.port)] if "--port" not in arguments else []
        done = RUN.invoke(app, [*arguments, *more])
    assert done.exit_code == status
    assert words in done.stderr


def test_no_lab_exits_with_1():
    """When nothing listens, the command says how to start it."""
    done = RUN.invoke(app, ["show", "openai", "--port", str(free_port())])
    assert done.exit_code == 1
    assert "halfopen lab serve" in done.stderr


def test_serve_prints_its_addresses_and_ends_on_sigterm():
    """The three providers run until they are told to stop."""
    found: set[int] = set()
    while len(found) < 3:
        found.add(free_port())
    ports = dict(zip(("openai", "anthropic", "gemini"), map(str, found), strict=True))
    flags = [part for name, port in ports.items() for part in (f"--{name}-port", port)]
    code = "from halfopen.cli.lab import app; app()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "serve", "--json", *flags], stdout=subprocess.PIPE, text=True
    ) as process:
        urls = json.loads(process.stdout.readline())["base_urls"]
        shown = RUN.invoke(app, ["show", "gemini", "--port", ports["gemini"]])
        process.terminate()
        assert process.wait(10) == 0
    assert urls["openai"] == f"http://127.0.0.1:{ports['openai']}/v1"
    assert shown.exit_code == 0


def test_help_says_what_the_exit_status_means():
    """Every command explains its exit status."""
    for command in ("serve", "faults", "set", "clear", "show"):
        assert "Exit status" in RUN.invoke(app, [command, "--help"]).stdout
