"""`halfopen run`: start the gateway and say how to use it."""

import asyncio
import json
import logging
import os
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop

from halfopen.app.configuration import ConfigurationError, Loaded, load
from halfopen.app.processes.dashboard import address_of
from halfopen.app.processes.last_good import last_good
from halfopen.app.processes.sockets import AddressError
from halfopen.app.processes.standard_error import have_descriptors, write_if_taken
from halfopen.app.processes.state_directory import StateError
from halfopen.app.processes.supervisor import NotServingError, Supervisor
from halfopen.cli.gateway_state import find
from halfopen.cli.output import fail, print_errors, program
from halfopen.rollout import Snapshot

_WORKERS_MAX = 256
_STANDARD_INPUT = 0


def run(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", help="Configuration file; without it halfopen.toml here, else the environment."
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            min=0,
            max=_WORKERS_MAX,
            help="Gateway workers; 0: as [processes] in the file says, else one for each core.",
        ),
    ] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the address and what happens as JSON, one object a line.")
    ] = False,
) -> None:
    """Start the gateway and serve until Ctrl-C or SIGTERM.

    Requests that needed a rescue, and those that failed, are told on standard error. SIGTERM lets
    requests under way finish, for 10 s at most; a second one ends everything at once. SIGHUP reads the
    configuration file again, as saving it does; in a terminal it stops, since a terminal that closes
    sends it. A file that can't be served does not keep a gateway from starting that has served another
    one before: it serves that, and says so.

    Exit status: 0 stopped when told to, 1 the configuration can't be served, the address or the state
    directory is taken, or no worker can be started, 2 wrong usage or the file can't be read.
    """
    have_descriptors()
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    try:
        loaded = load(config, os.environ)
    except ConfigurationError as error:
        print_errors(str(error).splitlines())
        before = None if error.path is None or error.unreadable else _served_before(config, error.path)
        if before is None:
            raise typer.Exit(2 if error.unreadable else 1) from None
        loaded = before
        _announce(f"Warning: {loaded.notes[0]}", as_json=as_json)
    try:
        uvloop.run(_serve(loaded, workers, as_json=as_json))
    except AddressError as error:
        fail(f"can't listen on {error}", 1)
    except StateError as error:
        fail(f"there is no place for the state: {error}", 1)
    except NotServingError as error:
        fail(str(error), 1)
    except OSError as error:
        fail(f"the gateway could not go on: {error}", 1)


def _served_before(config: Path | None, path: Path) -> Loaded | None:
    return last_good(find(None, config), path, os.environ)


async def _serve(loaded: Loaded, workers: int, *, as_json: bool) -> None:
    supervisor = Supervisor(
        loaded, lambda text: _announce(text, as_json=as_json), workers=workers, as_json=as_json
    )
    stop = _told_to_stop(supervisor)
    try:
        if not await _has_started(supervisor, stop):
            return
        _print(_as_json(loaded, supervisor) if as_json else _as_text(loaded, supervisor))
        await stop.wait()
        if not as_json:
            _print("Stopping: requests under way may finish.")
    finally:
        await supervisor.stop()


async def _has_started(supervisor: Supervisor, stop: asyncio.Event) -> bool:
    """Whether it serves now; else it was told to stop before."""
    starting, stopping = asyncio.ensure_future(supervisor.start()), asyncio.ensure_future(stop.wait())
    await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not starting.done():
        starting.cancel()
        await asyncio.wait((starting,))
    if starting.cancelled():
        return False
    starting.result()
    return True


def _told_to_stop(supervisor: Supervisor) -> asyncio.Event:
    """Set by SIGINT or SIGTERM; a second one ends everything at once. SIGHUP: see `run`."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def told() -> None:
        if stop.is_set():
            supervisor.kill()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told)
    # A closing terminal sends it to everybody, perhaps twice, so it is no second signal.
    loop.add_signal_handler(signal.SIGHUP, stop.set if os.isatty(_STANDARD_INPUT) else supervisor.reload)
    return stop


def _print(text: str) -> None:
    """Print on standard output, if it is taken: a reader that is gone or behind must not end the gateway."""
    if sys.stdout is None:  # it was closed at the start
        return
    poll = select.poll()
    with suppress(OSError):
        poll.register(sys.stdout, select.POLLOUT)
        if (ready := poll.poll(0)) and ready[0][1] == select.POLLOUT:
            print(text, flush=True)


def _announce(text: str, *, as_json: bool) -> None:
    # Nobody may be reading, and children are to be kept all the same.
    write_if_taken((json.dumps({"what": text}) if as_json else text) + "\n")


def _address(supervisor: Supervisor) -> str:
    gateway = supervisor.snapshot.gateway
    host = "127.0.0.1" if gateway.host in ("0.0.0.0", "::") else gateway.host  # noqa: S104 - only compared
    return f"http://[{host}]:{gateway.port}" if ":" in host else f"http://{host}:{gateway.port}"


def _as_text(loaded: Loaded, supervisor: Supervisor) -> str:
    snapshot = supervisor.snapshot
    address = _address(supervisor)
    model = next(iter(snapshot.routes))
    lines = [
        f"Halfopen is listening on {address} (snapshot {snapshot.id})",
        "",
        *loaded.notes,
        *(f"Warning: {warning}" for warning in loaded.warnings),
        "",
        "Providers: " + ", ".join(_providers(snapshot)),
        *_routes(snapshot),
        "Processes: " + _processes_line(supervisor),
        f"Dashboard: {address_of(snapshot) or 'none'}",
        "",
        "Point your client at it:",
        f"""  OpenAI's               base_url="{address}/v1\"""",
        f"""  Anthropic's, Google's  base_url="{address}\"""",
        "or try it:",
        f"  curl {address}/v1/chat/completions -H 'content-type: application/json' \\",
        f"""    -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello"}}]}}'""",
        *_lab_lines(supervisor),
    ]
    return "\n".join(lines)


def _providers(snapshot: Snapshot) -> list[str]:
    return [
        f"{name} ({provider.dialect}, {'local model' if provider.local else provider.base_url})"
        for name, provider in snapshot.providers.items()
    ]


def _routes(snapshot: Snapshot, most: int = 8) -> list[str]:
    routes = list(snapshot.routes.values())
    lines = [
        f"  {route.name} → {' → '.join(target.name for target in route.targets)}" for route in routes[:most]
    ]
    more = len(routes) - most
    end = [f"  … and {more} more; `{program()} config show` prints all"] if more > 0 else []
    return ["Routes (the model that a client names → targets in order):", *lines, *end]


def _lab_lines(supervisor: Supervisor) -> list[str]:
    if not supervisor.backing.lab_ports:
        return []
    port = supervisor.backing.lab_ports["openai"]
    return [
        "Break the simulated OpenAI and see the answer come all the same:",
        f"  {program()} lab set openai openai_500_server_error --port {port}",
    ]


def _processes_line(supervisor: Supervisor) -> str:
    workers = ", ".join(str(worker.pid) for worker in supervisor.workers)
    plural = "s" if len(supervisor.workers) != 1 else ""
    return f"supervisor {os.getpid()}, control {supervisor.control.pid}, worker{plural} {workers}"


def _processes(supervisor: Supervisor) -> dict[str, Any]:
    """Process ids."""
    return {
        "supervisor": os.getpid(),
        "control": supervisor.control.pid,
        "workers": [worker.pid for worker in supervisor.workers],
    }


def _as_json(loaded: Loaded, supervisor: Supervisor) -> str:
    snapshot, places = supervisor.snapshot, supervisor.backing.places()
    data: dict[str, Any] = {
        "address": _address(supervisor),
        "dashboard": address_of(snapshot),
        "source": loaded.source,
        "snapshot": snapshot.id,
        "providers": {
            name: {"dialect": provider.dialect, "base_url": places.get(name, provider.base_url)}
            for name, provider in snapshot.providers.items()
        },
        "routes": {
            name: [target.name for target in route.targets] for name, route in snapshot.routes.items()
        },
        "notes": list(loaded.notes),
        "warnings": [str(warning) for warning in loaded.warnings],
        "processes": _processes(supervisor),
    }
    return json.dumps(data)
