"""`halfopen run`: start the gateway and say how to use it."""

import json
import logging
import os
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop

from halfopen.app.clock import SystemClock
from halfopen.app.configuration import ConfigurationError, Loaded, load
from halfopen.app.narration import Narration
from halfopen.app.service import Running, running, until_told_to_stop
from halfopen.cli.output import fail, print_errors, program
from halfopen.rollout import Snapshot


def run(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", help="Configuration file; without it halfopen.toml here, else the environment."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the address and what happens as JSON, one object a line.")
    ] = False,
) -> None:
    """Start the gateway and serve until Ctrl-C or SIGTERM.

    Requests that needed a rescue, and those that failed, are told on standard error.

    Exit status: 0 stopped when told to, 1 the configuration can't be served or the address is taken,
    2 wrong usage or the file can't be read.
    """
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    try:
        loaded = load(config, os.environ)
    except ConfigurationError as error:
        print_errors(str(error).splitlines())
        raise typer.Exit(2 if error.unreadable else 1) from None
    try:
        uvloop.run(_serve(loaded, as_json=as_json))
    except OSError as error:
        gateway = loaded.snapshot.gateway
        fail(f"can't listen on {gateway.host}:{gateway.port}: {error.strerror or error}", 1)


async def _serve(loaded: Loaded, *, as_json: bool) -> None:
    narration = Narration(SystemClock().wall, as_json=as_json)
    async with running(loaded, narration, lambda text: _announce(text, as_json=as_json)) as service:
        print(_as_json(loaded, service) if as_json else _as_text(loaded, service), flush=True)
        await until_told_to_stop()
        if not as_json:
            print("Stopping: requests under way may finish.", flush=True)


def _announce(text: str, *, as_json: bool) -> None:
    print_errors((json.dumps({"what": text}) if as_json else text,))


def _address(service: Running) -> str:
    gateway = service.snapshot.gateway
    host = "127.0.0.1" if gateway.host in ("0.0.0.0", "::") else gateway.host  # noqa: S104 - only compared
    return f"http://[{host}]:{service.server.port}" if ":" in host else f"http://{host}:{service.server.port}"


def _as_text(loaded: Loaded, service: Running) -> str:
    snapshot = service.snapshot
    address = _address(service)
    model = next(iter(snapshot.routes))
    lines = [
        f"Halfopen is listening on {address} (snapshot {snapshot.id})",
        "",
        *loaded.notes,
        *(f"Warning: {warning}" for warning in loaded.warnings),
        "",
        "Providers: " + ", ".join(_providers(snapshot)),
        *_routes(snapshot),
        "",
        "Point your client at it:",
        f"""  OpenAI's               base_url="{address}/v1\"""",
        f"""  Anthropic's, Google's  base_url="{address}\"""",
        "or try it:",
        f"  curl {address}/v1/chat/completions -H 'content-type: application/json' \\",
        f"""    -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello"}}]}}'""",
        *_lab_lines(service),
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


def _lab_lines(service: Running) -> list[str]:
    if service.lab is None:
        return []
    port = service.lab["openai"].port
    return [
        "Break the simulated OpenAI and see the answer come all the same:",
        f"  {program()} lab set openai openai_500_server_error --port {port}",
    ]


def _as_json(loaded: Loaded, service: Running) -> str:
    snapshot = service.snapshot
    data: dict[str, Any] = {
        "address": _address(service),
        "source": loaded.source,
        "snapshot": snapshot.id,
        "providers": {
            name: {"dialect": provider.dialect, "base_url": provider.base_url}
            for name, provider in snapshot.providers.items()
        },
        "routes": {
            name: [target.name for target in route.targets] for name, route in snapshot.routes.items()
        },
        "notes": list(loaded.notes),
        "warnings": [str(warning) for warning in loaded.warnings],
    }
    return json.dumps(data)
