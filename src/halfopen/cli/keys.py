"""`halfopen keys`: make, list and revoke the keys by which the gateway knows its callers."""

import os
import re
import time
from typing import Annotated, Any

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from halfopen.app.processes import key_file
from halfopen.app.processes.key_file import KeysError, Made
from halfopen.app.processes.messages import Answer, Ask
from halfopen.app.processes.recorded_ledger import recorded_ledger
from halfopen.app.processes.state_directory import StateDirectory, StateError
from halfopen.cli.gateway_state import ConfigOption, StateOption, asked, find
from halfopen.cli.output import fail, print_errors, print_json
from halfopen.cli.shown import NONE, iso_time, local_time, money, plain
from halfopen.cli.simulate_table import console
from halfopen.model.gateway_key import Budget, GatewayKey, Per
from halfopen.policy.budget import Amounts, window_start
from halfopen.seams.outcome_store import StoreError

app = typer.Typer(
    help="Make, list and revoke the keys by which the gateway knows its callers.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.")]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_NANO = 1e9
_LATER_S = 86_400.0
_COUNT_MAX = 2**53
_USD_MAX = 1e6


@app.command()
def create(  # noqa: PLR0913 - each argument is an option
    name: Name,
    *,
    requests: Annotated[
        int | None, typer.Option(min=0, max=_COUNT_MAX, help="Requests in each window.")
    ] = None,
    tokens: Annotated[
        int | None,
        typer.Option(min=0, max=_COUNT_MAX, help="Tokens of prompts and answers in each window."),
    ] = None,
    usd: Annotated[float | None, typer.Option(min=0, max=_USD_MAX, help="US dollars in each window.")] = None,
    per: Annotated[
        Per | None, typer.Option(help="The window of the budget; all begin in UTC. Default: month.")
    ] = None,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: Json = False,
) -> None:
    """Make a key for a caller and print it. It is shown this once; only its hash is kept.

    From the first key on a request needs one, unless `[gateway] require_key` says otherwise. Without a
    budget the caller may spend what it likes.

    Exit status: 0 made; 1 the name has a key already, or the state directory can't be written; 2 wrong usage.
    """
    if _NAME.fullmatch(name) is None:
        fail("a name is 1 to 64 letters, digits, and _ . @ - after the first", 2)
    limited = (requests, tokens, usd) != (None, None, None)
    if per is not None and not limited:
        fail("--per needs --requests, --tokens or --usd", 2)
    nusd = None if usd is None else round(usd * _NANO)
    budget = Budget(per or Per.MONTH, requests, tokens, nusd) if limited else None
    directory = find(state, config)
    try:
        made = key_file.create(directory, name, budget, time.time())
    except (KeysError, StateError) as error:
        fail(str(error), 1)
    _print_made(directory, made, "Made", as_json=as_json)


@app.command()
def rotate(
    name: Name, *, state: StateOption = None, config: ConfigOption = None, as_json: Json = False
) -> None:
    """Make a new key in the place of a caller's key, which is refused from then on. The budget stays.

    Exit status: 0 made; 1 there is no such key, or the state directory can't be written; 2 wrong usage.
    """
    directory = find(state, config)
    try:
        made = key_file.rotate(directory, name, time.time())
    except (KeysError, StateError) as error:
        fail(str(error), 1)
    _print_made(directory, made, "Replaced", as_json=as_json)


@app.command()
def revoke(
    name: Name, *, state: StateOption = None, config: ConfigOption = None, as_json: Json = False
) -> None:
    """Refuse a caller's key from now on. Requests that have begun end.

    Exit status: 0 revoked, and every worker of a running gateway refuses it; 1 there is no such key, the
    state directory can't be written, or it isn't known whether every worker refuses it; 2 wrong usage.
    """
    directory = find(state, config)
    try:
        key = key_file.revoke(directory, name, time.time())
    except (KeysError, StateError) as error:
        fail(str(error), 1)
    told = _told(directory)
    if as_json:
        print_json({"key": _data(key), **told})
    else:
        print(f"Revoked the key of {plain(name)}. {_words(told)}")
    if not told["everywhere"]:
        raise typer.Exit(1)


@app.command("list")
def list_keys(
    *,
    revoked: Annotated[bool, typer.Option("--revoked", help="Those that were revoked as well.")] = False,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: Json = False,
) -> None:
    """List the keys, their budgets, and what was spent of these in the window that is open now.

    A running gateway is asked; if none answers, the store that its configuration names is read. Of what can't
    be known nothing is shown.

    Exit status: 0 listed, even if there are none; 1 they can't be read; 2 wrong usage.
    """
    directory = find(state, config)
    try:
        keys = key_file.load(directory) or []
    except StateError as error:
        fail(str(error), 1)
    if not revoked:
        keys = [key for key in keys if key.revoked_wall_s is None]
    spent = _spent(directory, keys)
    if as_json:
        print_json({"keys": [{**_data(key), "spent": _spent_data(key, spent)} for key in keys]})
    elif keys:
        _print_table(keys, spent)
    else:
        print("There are no keys. Make one: halfopen keys create NAME")


def _told(directory: StateDirectory) -> dict[str, Any]:
    """How many workers have the keys as they are now. `everywhere`: all that there are."""
    answer = asked(directory, Ask("keys"))
    if isinstance(answer, Answer):
        workers = answer.data["workers"] if answer.ok else []
        held = sum(1 for worker in workers if worker["held"])
        return {
            "running": True,
            "workers": len(workers),
            "held": held,
            "everywhere": answer.ok and answer.data["everywhere"] and not answer.problem,
            "problem": answer.problem,
        }
    running = directory.is_held()
    return {"running": running, "workers": 0, "held": 0, "everywhere": not running, "problem": str(answer)}


def _words(told: dict[str, Any]) -> str:
    if not told["running"]:
        return "No gateway is running here; the next one knows it."
    if told["everywhere"]:
        return f"All {told['workers']} workers know it."
    problem = f": {plain(told['problem'])}" if told["problem"] else ""
    return f"Only {told['held']} of {told['workers']} workers are known to know it{problem}."


def _print_made(directory: StateDirectory, made: Made, what: str, *, as_json: bool) -> None:
    told = _told(directory)
    if as_json:
        print_json({"secret": made.secret, "key": _data(made.key), **told})
        return
    print(made.secret)
    print_errors(
        (
            f"{what} the key of {made.key.name}. It is shown this once: keep it like a password.",
            "Clients send it as their API key, as they would send OpenAI's, Anthropic's or Google's.",
            _words(told),
        )
    )


def _data(key: GatewayKey) -> dict[str, Any]:
    budget = key.budget
    return {
        "name": key.name,
        "id": key.id,
        "created_at": iso_time(key.created_wall_s),
        "revoked_at": None if key.revoked_wall_s is None else iso_time(key.revoked_wall_s),
        "budget": None
        if budget is None
        else {
            "per": budget.per.value,
            "requests": budget.requests,
            "tokens": budget.tokens,
            "usd": None if budget.nusd is None else budget.nusd / _NANO,
        },
    }


def _spent_data(key: GatewayKey, spent: dict[str, Amounts]) -> dict[str, Any] | None:
    found = spent.get(key.name)
    if found is None or key.budget is None or key.revoked_wall_s is not None:
        return None
    return {"requests": found.requests, "tokens": found.tokens, "usd": found.nusd / _NANO}


def _spent(directory: StateDirectory, keys: list[GatewayKey]) -> dict[str, Amounts]:
    """By name, of those with a budget: as control counts it, or, when none answers, as it is recorded."""
    budgets = {key.name: key.budget for key in keys if key.budget is not None and key.revoked_wall_s is None}
    if not budgets:
        return {}
    answer = asked(directory, Ask("keys"))
    if isinstance(answer, Answer) and answer.ok:
        return msgspec.convert(answer.data["spent"], dict[str, Amounts])
    now = time.time()
    try:
        ledger = recorded_ledger(directory, os.environ)
    except StoreError:
        return {}
    if ledger is None:
        return {}
    try:
        by_window = {
            per: ledger.spent(window_start(per, now), now + _LATER_S)
            for per in {budget.per for budget in budgets.values()}
        }
    except StoreError:
        return {}
    finally:
        ledger.close()
    return {name: Amounts(*by_window[budget.per].get(name, (0, 0, 0))) for name, budget in budgets.items()}


def _print_table(keys: list[GatewayKey], spent: dict[str, Amounts]) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for head in ("name", "id", "made", "budget", "spent in this window", "state"):
        table.add_column(head)
    for key in keys:
        revoked = key.revoked_wall_s
        table.add_row(
            Text(plain(key.name)),
            Text(plain(key.id)),
            Text(local_time(key.created_wall_s)),
            Text(_budget_words(key.budget)),
            Text(_spent_words(key, spent)),
            Text("good", style="green") if revoked is None else Text(f"revoked {local_time(revoked)}", "dim"),
        )
    console().print(table)


def _budget_words(budget: Budget | None) -> str:
    if budget is None:
        return "none"
    parts = [
        f"{limit} {what}"
        for limit, what in ((budget.requests, "requests"), (budget.tokens, "tokens"))
        if limit is not None
    ]
    if budget.nusd is not None:
        parts.append(money(budget.nusd / _NANO))
    return f"{', '.join(parts)} per {budget.per.value}"


def _spent_words(key: GatewayKey, spent: dict[str, Amounts]) -> str:
    found = _spent_data(key, spent)
    if found is None:
        return NONE
    return f"{found['requests']} requests, {found['tokens']} tokens, {money(found['usd'])}"
