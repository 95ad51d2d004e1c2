"""Where the record of outcomes is, that no password is written out, and how long what is kept."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import UNSET

from halfopen.rollout import reference
from halfopen.rollout.checks.referenced import is_known
from halfopen.rollout.place import Path
from halfopen.rollout.problem import Findings
from halfopen.rollout.settings import Store

_PATH: Path = ("store", "url")
_EXAMPLE = "postgresql://USER:PASSWORD@HOST/DATABASE"
_SCHEMES = ("postgresql", "clickhouse", "clickhouses", "chdb")


def check_store(store: Store, environ: Mapping[str, str], findings: Findings) -> None:
    """Refuse an address that can't be used, a password in the file, and requests that nobody would find."""
    _check_days(store, findings)
    url = store.url
    if url is UNSET or findings.blamed(_PATH):
        return
    hint = 'write url = "${HALFOPEN_STORE_URL}"'
    if not is_known(url, _PATH, environ, findings, hint=hint, example=_EXAMPLE):
        return
    try:
        parts = urlsplit(reference.resolve(url, environ).strip())
        usable = parts.scheme in _SCHEMES and parts.port != 0
        usable = usable and (parts.scheme != "chdb" or len(parts.path) > 1)
        password = parts.password
    except ValueError:
        usable, password = False, None
    if password and not reference.names(url):
        findings.add(_PATH, "holds a password", f"put the address into a variable: {hint[6:]}")
    elif not usable:
        # Not its value, which may hold a password.
        findings.add(
            _PATH,
            "is no address of a store",
            "postgresql://HOST/DATABASE, clickhouse://HOST/DATABASE or chdb:///PATH",
        )


def counted_days(store: Store) -> int:
    """For how many days counts are kept, be it by minute or by hour."""
    return max(store.minutes_days, store.hours_days)


def _check_days(store: Store, findings: Findings) -> None:
    """A search by name looks into the counts first for when there were such requests."""
    days = counted_days(store)
    if findings.blamed(("store",)) or store.rows_days <= days:
        return
    findings.add(
        ("store", "rows_days"),
        f"keeps requests for {store.rows_days} days, and counts, by which they are found, for {days}",
        f"hours_days = {store.rows_days}",
    )
