"""`halfopen simulate`: policies side by side in a simulated outage."""

import os
import sys
from collections.abc import Sequence
from errno import EISDIR
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from halfopen.cli.output import fail, print_errors, print_json

if TYPE_CHECKING:
    from halfopen.app.simulation import Comparison, Entry
    from halfopen.simulator.scenario import Scenario

NO_PLOTS = "plots need matplotlib, which is not installed; get it with: pip install 'halfopen[plots]'"
_SEED_MAX = 2**32 - 1


Scenarios = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SCENARIO",
        help="A packaged scenario, such as march-2025, or the path of a scenario file. None: list them.",
    ),
]
Policies = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        metavar="NAME|FILE",
        help="none, sdk, grpc, finagle, naive, jitter, halfopen, or the path of a halfopen.toml; may be "
        "repeated. Default: none, sdk, grpc, finagle and halfopen.",
    ),
]
Seed = Annotated[
    int | None, typer.Option(min=0, max=_SEED_MAX, help="Of all random numbers. Default: the scenario's own.")
]
Jobs = Annotated[
    int | None, typer.Option(min=1, max=256, help="Processes at the same time. Default: one a core.")
]
Plots = Annotated[Path | None, typer.Option(metavar="DIR", help="Draw each scenario into DIR/NAME.png.")]
Check = Annotated[
    bool,
    typer.Option(
        "--check",
        help="Compare with what the scenario expects. Without --policy: of every policy that it expects "
        "anything of. A configuration is held to what is expected of halfopen.",
    ),
]
Trace = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write every event and decision of one policy in one scenario."),
]


def simulate(  # noqa: PLR0913 - each argument is an option
    scenarios: Scenarios = None,
    *,
    policies: Policies = None,
    seed: Seed = None,
    jobs: Jobs = None,
    plots: Plots = None,
    check: Check = False,
    trace: Trace = None,
    listing: Annotated[bool, typer.Option("--list", help="List the packaged scenarios.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare policies in a simulated outage: success, extra load, times, recovery and cost.

    Thousands of clients meet upstreams that fail on a timeline, on virtual time, once with each policy.
    halfopen is the code that the gateway runs. The same scenario and seed give the same bytes, in
    however many processes. Nothing is called, and no key is needed.

    Exit status: 0 compared, or listed; 1 with --check an expectation was not met, or a scenario or a
    configuration is wrong, or matplotlib is missing; 2 wrong usage, such as a policy that there is not,
    or a file can't be read or written.
    """
    from halfopen.app.simulation import RunError, UnusableError, compare
    from halfopen.cli.simulate_progress import Bar

    names = list(dict.fromkeys(scenarios or ()))
    if listing and (names or check or plots is not None or trace is not None or policies):
        fail("--list stands alone, or with --json: it lists the packaged scenarios and runs none", 2)
    if listing or not names:
        if not listing and (check or plots is not None or trace is not None or policies):
            fail("name a scenario; `halfopen simulate --list` shows them", 2)
        _list(as_json=as_json)
        return
    try:
        entries = _entries(names, policies, seed, check=check)
    except UnusableError as error:
        if error.wrong_usage:
            fail(str(error), 2)
        print_errors(str(error).splitlines())
        raise typer.Exit(1) from None
    runs = sum(len(entry.contestants) for entry in entries)
    if trace is not None and runs != 1:
        fail("--trace is of one policy in one scenario: name one SCENARIO and one --policy", 2)
    _prepare([entry.scenario.name for entry in entries], plots, trace)
    try:
        with Bar(f"{runs} run{'' if runs == 1 else 's'}") as bar:
            comparisons = compare(entries, jobs=jobs, progress=bar, trace=trace is not None)
    except RunError as error:
        fail(str(error), 1)
    # Files first: who reads the table may close the pipe after its first line.
    unwritten = _write(comparisons, plots, trace)
    _print(comparisons, check=check, as_json=as_json)
    if unwritten is not None:
        fail(unwritten, 2)
    missed = sum(not judgement.met for each in comparisons for judgement in each.judgements)
    if check and missed:
        number = sum(len(each.judgements) for each in comparisons)
        fail(f"{missed} of {number} expectation{'' if number == 1 else 's'} not met", 1)


def _list(*, as_json: bool) -> None:
    from halfopen.app.simulation import find_scenario, packaged

    found = [find_scenario(name) for name in packaged()]
    if as_json:
        print_json({"scenarios": [_listed(scenario) for scenario in found]})
        return
    from halfopen.cli.simulate_table import print_scenarios

    print_scenarios(found)


def _listed(scenario: "Scenario") -> dict[str, object]:
    return {
        "name": scenario.name,
        "title": scenario.title,
        "description": scenario.description,
        "duration_s": scenario.duration_s,
        "seed": scenario.seed,
    }


def _entries(
    names: Sequence[str], policies: Sequence[str] | None, seed: int | None, *, check: bool
) -> "list[Entry]":
    """What is to be run. Ends with status 2 when there would be nothing to check.

    Raises:
        UnusableError: A scenario or a policy can't be used.
    """
    from halfopen.app.simulation import DEFAULT, Entry, expected, find_contestant, find_scenario
    from halfopen.simulator.strategies import STRATEGIES

    scenarios = [find_scenario(name) for name in names]
    named = [find_contestant(name) for name in dict.fromkeys(policies or ())]
    entries = []
    for scenario in scenarios:
        contestants = named
        if not policies:
            also = {expectation.policy for expectation in scenario.expect} if check else frozenset()
            contestants = [find_contestant(name) for name in STRATEGIES if name in DEFAULT or name in also]
        if check and not expected(scenario, contestants):
            who = " or ".join(contestant.name for contestant in contestants)
            fail(
                f"{scenario.name} expects nothing of {who}, so there is nothing to check "
                "(leave out --policy, or add an [[expect]] to the scenario)",
                2,
            )
        for contestant in contestants:
            _note_strangers(contestant.name, contestant.strangers(scenario), scenario.name)
        own_seed = scenario.seed if seed is None else seed
        entries.append(Entry(scenario, tuple(contestants), own_seed))
    return entries


def _note_strangers(name: str, strangers: Sequence[str], scenario: str) -> None:
    if strangers:
        unknown = f"{name} has no provider {' or '.join(strangers)}, as {scenario} calls its upstreams"
        told = "keys and rate limits are simulated for providers of the same names only"
        print_errors((f"note: {unknown}: {told}",))


def _prepare(scenarios: Sequence[str], plots: Path | None, trace: Path | None) -> None:
    """Find out before the work what would fail after it."""
    if plots is not None:
        from importlib.util import find_spec

        if find_spec("matplotlib") is None:
            fail(NO_PLOTS, 1)
        from halfopen.app.plots import picture_paths

        try:
            plots.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            fail(f"{plots}: can't be made a directory: {error.strerror or error}", 2)
        for path in picture_paths(scenarios, plots):
            _try_to_write(path)
    if trace is not None:
        if not trace.absolute().parent.is_dir():
            fail(f"{trace}: can't be written: there is no directory {trace.absolute().parent}", 2)
        _try_to_write(trace)


def _try_to_write(path: Path) -> None:
    """Nothing is made or changed: a file that is there is opened, else one without a name beside it."""
    from tempfile import TemporaryFile

    try:
        if path.is_dir():
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        if path.is_file():
            path.open("ab").close()
        elif not path.exists():
            TemporaryFile(dir=path.absolute().parent).close()
    except OSError as error:
        fail(f"{path}: can't be written: {error.strerror or error}", 2)


def _print(comparisons: "Sequence[Comparison]", *, check: bool, as_json: bool) -> None:
    """Print all of it, or as much as whoever reads it wants: that decides nothing."""
    try:
        _print_all(comparisons, check=check, as_json=as_json)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still held back is lost, without an error when the program ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_all(comparisons: "Sequence[Comparison]", *, check: bool, as_json: bool) -> None:
    if as_json:
        plain = [comparison.plain(judged=check) for comparison in comparisons]
        print_json(plain[0] if len(plain) == 1 else {"comparisons": plain})
        return
    from halfopen.cli.simulate_table import print_comparison

    for number, comparison in enumerate(comparisons):
        if number:
            print()
        print_comparison(comparison, judged=check)


def _write(comparisons: "Sequence[Comparison]", plots: Path | None, trace: Path | None) -> str | None:
    """Write the files, and tell on standard error where they are. Returns why one could not be written."""
    from halfopen.app.simulation import write_trace

    try:
        if trace is not None:
            write_trace(comparisons[0], trace)
            print_errors((f"wrote {trace}",))
        if plots is not None:
            from halfopen.app.plots import draw

            print_errors(f"wrote {path}" for path in draw(comparisons, plots))
    except OSError as error:
        return f"{error.filename or plots or trace}: can't be written: {error.strerror or error}"
    return None
