"""`halfopen lab`: simulated providers that fail on demand."""

import asyncio
import contextlib
import http.client
import json
import signal
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from halfopen.cli.lab_drill import drill
from halfopen.cli.lab_fuzz import fuzz
from halfopen.cli.lab_matrix import matrix
from halfopen.cli.output import program
from halfopen.lab.ports import DEFAULT

app = typer.Typer(
    help="Simulated OpenAI, Anthropic and Gemini that fail on demand.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_HOST = "127.0.0.1"
_TIMEOUT_S = 5.0
_DIALECTS = ("openai", "anthropic", "gemini")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Port = Annotated[int | None, typer.Option("--port", help="The provider's port, when it is not the default.")]


class _Unreachable(Exception):  # noqa: N818 - an outcome with an exit status of its own
    """No lab answers on the port."""


@app.command()
def serve(
    openai_port: Annotated[int, typer.Option(help="Port of the simulated OpenAI.")] = 8511,
    anthropic_port: Annotated[int, typer.Option(help="Port of the simulated Anthropic.")] = 8512,
    gemini_port: Annotated[int, typer.Option(help="Port of the simulated Gemini.")] = 8513,
    pace_s: Annotated[float, typer.Option(min=0, help="Seconds between two events of a good stream.")] = 0.0,
    as_json: Json = False,
) -> None:
    """Run the three simulated providers until Ctrl-C.

    Exit status: 0 after Ctrl-C or SIGTERM; 1 when a port is taken; 2 wrong usage.
    """
    ports = {"openai": openai_port, "anthropic": anthropic_port, "gemini": gemini_port}
    try:
        asyncio.run(_serve(ports, pace_s, as_json=as_json))
    except OSError as problem:
        _fail(f"The lab can't listen: {problem}", 1)


async def _serve(ports: dict[str, int], pace_s: float, *, as_json: bool) -> None:
    from halfopen.lab import Lab

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with Lab(ports, pace_s=pace_s) as lab:
        urls = {dialect: provider.base_url for dialect, provider in lab.providers.items()}
        if as_json:
            print(json.dumps({"base_urls": urls}), flush=True)
        else:
            _print_usage(urls)
        await stopped.wait()


def _print_usage(urls: dict[str, str]) -> None:
    print("The lab is running. Any key is accepted; nothing leaves this machine.")
    for dialect, url in urls.items():
        print(f"  {dialect:<10} {url}")
    print("Try it:")
    print(
        f"  curl {urls['openai']}/chat/completions -H 'authorization: Bearer lab' "
        "-H 'content-type: application/json' "
        '-d \'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hello"}]}\''
    )
    print("Make it fail, and mend it:")
    port = urlsplit(urls["openai"]).port
    elsewhere = "" if port == DEFAULT["openai"] else f" --port {port}"
    print(f"  {program()} lab set openai openai_500_server_error{elsewhere}")
    print(f"  {program()} lab clear openai{elsewhere}")
    print("Ctrl-C stops it.", flush=True)


@app.command("faults")
def list_faults(as_json: Json = False) -> None:
    """List the faults that can be set.

    Exit status: 0 listed; 2 wrong usage.
    """
    from halfopen.lab import faults

    listing = faults.listing()
    if as_json:
        print(json.dumps({"faults": listing}, indent=2))
        return
    width = max(len(str(fault["name"])) for fault in listing)
    for fault in listing:
        mark = " (healthy)" if fault["healthy"] else ""
        print(f"{fault['name']:<{width}}  {fault['summary']}{mark}")
    print(f"{len(listing)} faults; --json shows dialects, modes and options.")


@app.command("set")
def set_fault(  # noqa: PLR0913, PLR0917 - each argument is an option
    provider: Annotated[str, typer.Argument(help="openai, anthropic or gemini.")],
    fault: Annotated[str, typer.Argument(help="A name that `halfopen lab faults` lists.")],
    times: Annotated[
        int | None, typer.Option(min=1, help="Requests that are struck until it is healthy again.")
    ] = None,
    after: Annotated[int, typer.Option(min=0, help="Good answers first.")] = 0,
    probability: Annotated[float, typer.Option(min=0, max=1, help="Of a request to be struck.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of the draw for --probability.")] = 0,
    option: Annotated[
        list[str] | None, typer.Option(help="An option of the fault, as name=value; may be repeated.")
    ] = None,
    port: Port = None,
    as_json: Json = False,
) -> None:
    """Make a running simulated provider fail.

    Exit status: 0 when it is set; 1 when no lab answers; 2 when the provider, fault or option is wrong.
    """
    order = {
        "name": fault,
        "times": times,
        "after": after,
        "probability": probability,
        "seed": seed,
        "options": dict(_parsed(each) for each in option or ()),
    }
    _show([_control(provider, "PUT", "fault", port, order)], as_json=as_json)


@app.command()
def clear(
    provider: Annotated[
        str | None, typer.Argument(help="openai, anthropic or gemini; all if left out.")
    ] = None,
    port: Port = None,
    as_json: Json = False,
) -> None:
    """Make a running simulated provider healthy again, or all of them.

    Exit status: 0 when it is done; 1 when no lab answers; 2 when the provider is wrong.
    """
    _for_each(provider, "DELETE", "fault", port, as_json=as_json)


@app.command()
def show(
    provider: Annotated[
        str | None, typer.Argument(help="openai, anthropic or gemini; all if left out.")
    ] = None,
    port: Port = None,
    as_json: Json = False,
) -> None:
    """Show what the running simulated providers do, and how many requests they had.

    Exit status: 0 when a lab answers; 1 when none does; 2 when the provider is wrong.
    """
    _for_each(provider, "GET", "", port, as_json=as_json)


def _for_each(provider: str | None, method: str, noun: str, port: int | None, *, as_json: bool) -> None:
    if provider is None and port is not None:
        _fail("--port needs a provider", 2)
    wanted = _DIALECTS if provider is None else (provider,)
    _show([_control(each, method, noun, port) for each in wanted], as_json=as_json)


def _parsed(option: str) -> tuple[str, float | str]:
    name, equals, value = option.partition("=")
    if not equals or not name:
        _fail(f"--option {option!r} is not name=value", 2)
    if value in ("true", "false"):
        return name, value == "true"
    try:
        return name, float(value)
    except ValueError:
        return name, value


def _control(dialect: str, method: str, noun: str, port: int | None, order: Any = None) -> dict[str, Any]:
    from halfopen.lab.ports import DEFAULT

    if dialect not in DEFAULT:
        _fail(f"There is no provider {dialect!r}; there are: {', '.join(DEFAULT)}", 2)
    # A provider that refuses connections is reached through one of its siblings.
    own = DEFAULT[dialect] if port is None else port
    ports = [own, *(each for each in DEFAULT.values() if each != own)] if port is None else [own]
    for each in ports:
        try:
            status, answer = _call(each, method, f"/_lab/{dialect}/{noun}".rstrip("/"), order)
        except _Unreachable:
            continue
        if status != 200:
            _fail(str(answer.get("error", answer)), 2)
        return answer
    _fail(f"No lab answers on port {own}; start one with: halfopen lab serve", 1)
    raise AssertionError


def _call(port: int, method: str, path: str, order: Any) -> tuple[int, dict[str, Any]]:
    body = None if order is None else json.dumps(order)
    connection = http.client.HTTPConnection(_HOST, port, timeout=_TIMEOUT_S)
    with contextlib.closing(connection):
        try:
            connection.request(method, path, body, {"content-type": "application/json"})
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as problem:
            raise _Unreachable(str(problem)) from None
    return response.status, answer if isinstance(answer, dict) else {}


def _show(states: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"providers": states}, indent=2))
        return
    for state in states:
        fault = state["fault"]
        doing = "healthy" if fault is None else f"{fault['name']} (met {fault['met']} times)"
        requests = state["counts"].get("requests", 0)
        print(f"{state['dialect']:<10} {state['base_url']:<28} {doing}, {requests} requests")


def _fail(message: str, status: int) -> None:
    typer.echo(message, err=True)
    raise typer.Exit(status)


app.command("matrix")(matrix)
app.command("drill")(drill)
app.command("fuzz")(fuzz)
