"""The record of a gateway, for a command that reads it while no control answers."""

from collections.abc import Mapping

from msgspec import UNSET

from halfopen.app.processes.chosen_content import ChosenContent
from halfopen.app.processes.chosen_store import ChosenStore
from halfopen.app.processes.state_directory import StateDirectory, StateError
from halfopen.rollout.reference import resolve
from halfopen.seams.content_store import ContentReader
from halfopen.seams.ledger import Ledger
from halfopen.seams.outcome_store import StoreError


def recorded_ledger(state: StateDirectory, environ: Mapping[str, str]) -> Ledger | None:
    """Somebody who reads the store that the snapshot in force names; None: nothing is recorded here.

    Args:
        state: The gateway's.
        environ: Values of the references in the address of the store.

    Raises:
        StoreError: It isn't known which store there is.
    """
    url = _url(state, environ)
    if not url and not state.outcomes_path.exists():
        return None
    store = ChosenStore(state.outcomes_path)
    store.choose(url)
    return store.ledger()


def recorded_content(state: StateDirectory, environ: Mapping[str, str]) -> ContentReader:
    """Somebody who reads what requests said from where the snapshot in force has it.

    Args:
        state: The gateway's.
        environ: Values of the references in the address of the store.

    Raises:
        StoreError: It isn't known which store there is.
    """
    return ChosenContent(state.content_path, lambda: _url(state, environ)).reader()


def _url(state: StateDirectory, environ: Mapping[str, str]) -> str:
    current = state.current()
    if current is None:
        return ""
    try:
        url = state.load(current).store.url
    except StateError as error:
        raise StoreError(str(error)) from None
    try:
        return "" if url is UNSET else resolve(url, environ).strip()
    except KeyError as missing:
        raise StoreError(f"[store] url needs the environment variable {missing.args[0]}") from None
