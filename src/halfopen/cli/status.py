"""`halfopen status`: how a running gateway is."""

from typing import Annotated, Any

import typer

from halfopen.app.processes.asking import NoAnswerError
from halfopen.app.processes.messages import Ask
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.cli.gateway_state import ConfigOption, StateOption, asked, find
from halfopen.cli.output import print_errors, print_json

_MIB = 1024 * 1024


def status(
    *,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a running gateway's processes, the snapshot that each serves, and what can't be recorded.

    Exit status: 0 it answered; 1 no gateway answers within 2 s; 2 wrong usage.
    """
    directory = find(state, config)
    answer = asked(directory, Ask("status"))
    if isinstance(answer, NoAnswerError):
        _print_unanswered(answer, directory, as_json=as_json)
        raise typer.Exit(1)
    if as_json:
        print_json(answer.data)
    else:
        _print_status(answer.data)


def _print_unanswered(error: NoAnswerError, directory: StateDirectory, *, as_json: bool) -> None:
    """What the state directory knows; requests may well be served all the same."""
    held, current, entries = directory.is_held(), directory.current(), directory.history()
    last = entries[-1] if entries else None
    if as_json:
        print_json(
            {
                "problem": str(error),
                "running": held,
                "snapshot": current,
                "state": str(directory.path),
                "last_change": last,
            }
        )
        return
    print_errors((f"halfopen: {error}",))
    print(f"state directory {directory.path}")
    if held:
        print("A gateway is running; its workers serve without control, which is being started.")
    if current:
        print(f"current snapshot {current}" + (f" ({last.why})" if last else ""))


def _print_status(data: dict[str, Any]) -> None:
    configuration, outcomes, store = data["configuration"], data["outcomes"], data["store"]
    print(f"snapshot {data['snapshot'] or 'not known yet'}")
    print(f"configuration {configuration['path'] or 'not from a file'}")
    print(f"supervisor pid {data['supervisor']['pid'] or 'unknown'}, control pid {data['control']['pid']}")
    for worker in data["workers"]:
        print(_worker(worker))
    restarts = ", ".join(f"{name} {times}" for name, times in data["supervisor"]["restarts"].items() if times)
    print(f"restarts {restarts or 'none'}")
    print(
        f"outcomes {outcomes['written']} written by this control, {outcomes['kept']} kept, "
        f"{outcomes['waiting']} waiting, {outcomes['dropped']} lost"
    )
    print(
        f"store {store['state']}, {store['size_bytes'] / _MIB:.1f} of {store['max_bytes'] / _MIB:.0f} MiB, "
        f"{store['path']}"
    )
    replicas = data["replicas"]
    if replicas["redis"] != "off":
        parts = ", ".join(f"{name} {part:.2f}" for name, part in replicas["parts"].items())
        print(f"redis {replicas['redis']}, {replicas['gateways']} gateways, parts of limits here: {parts}")
    if data.get("dashboard"):
        print(f"dashboard {data['dashboard']['address'] or 'not there'}")
    if data["starting"]:
        print(f"starting: {data['starting']}")
    for note in data["supervisor"]["notes"]:
        print(f"note: {note}")
    for problem in data["problems"]:
        print(f"problem: {problem}")


def _worker(worker: dict[str, Any]) -> str:
    name = f"worker {worker['number']} pid {worker['pid']}"
    if not worker["connected"]:
        return f"{name}: not connected to control"
    text = f"{name}: snapshot {worker['snapshot']}"
    if "requests" in worker:
        text += (
            f", {worker['requests']} requests, {worker['failures']} failed, {worker['in_flight']} in flight, "
            f"{worker['waiting']} waiting, {worker['connections']} connections, "
            f"{worker['memory_bytes'] / _MIB:.0f} MiB"
        )
        if worker["parked"]:
            text += f", {worker['parked']} keys parked"
    return text
