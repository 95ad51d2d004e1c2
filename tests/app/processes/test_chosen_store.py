"""The store that the configuration names, in the control process."""

import builtins
from dataclasses import replace

import pytest

from halfopen.app.processes.chosen_store import ChosenStore
from halfopen.app.processes.record import BLOCK_S, Record
from halfopen.app.processes.store_writer import GATHER_S
from halfopen.rollout.settings import Store
from halfopen.seams.ledger import Search
from halfopen.seams.outcome_store import Retention, StoreError
from halfopen.store.clickhouse import ClickhouseOutcomes
from halfopen.store.postgres import PostgresOutcomes


@pytest.fixture
def chosen(tmp_path):
    store = ChosenStore(tmp_path / "outcomes.db")
    yield store
    store.close()


def test_nothing_is_written_before_it_is_known_where(chosen, tmp_path):
    """Nor is anything read; what was had before answers then."""
    ledger = chosen.ledger()
    for call in (chosen.open, lambda: ledger.requests(Search()), chosen.lost):
        with pytest.raises(StoreError):
            call()
    assert not (tmp_path / "outcomes.db").exists()
    chosen.choose("")
    chosen.open()
    assert (tmp_path / "outcomes.db").exists()
    assert ledger.requests(Search()) == []
    assert ledger.lost() == chosen.lost() == chosen.count() == 0
    ledger.close()


@pytest.mark.parametrize(
    ("url", "made"),
    [
        ("postgresql://halfopen:swordfish@db/x?sslmode=require", PostgresOutcomes),
        ("clickhouse://halfopen:swordfish@db:8123/x", ClickhouseOutcomes),
        ("clickhouses://halfopen:swordfish@db/x", ClickhouseOutcomes),
        ("chdb:///var/lib/x", ClickhouseOutcomes),
    ],
)
def test_the_scheme_says_which(chosen, monkeypatch, url, made):
    """And no password is shown."""
    opened = []
    monkeypatch.setattr(made, "open", lambda store: opened.append(type(store)))
    chosen.choose(url)
    chosen.open()
    assert opened == [made]
    assert "swordfish" not in chosen.place
    assert chosen.place.startswith(url.split("://")[0])
    assert chosen.prefers_blocks == (made is ClickhouseOutcomes)


def test_a_later_choice_waits_for_the_next_start(chosen, tmp_path):
    """It is told as long as it isn't used."""
    chosen.choose("")
    chosen.choose("chdb:///elsewhere")
    assert chosen.problem
    assert chosen.place == str(tmp_path / "outcomes.db")
    chosen.choose("")
    assert not chosen.problem


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [
        ("postgresql://db/x", "halfopen.store.postgres", "halfopen[postgres]"),
        ("chdb:///nowhere/x", "chdb", "halfopen[clickhouse]"),
        ("clickhouse://127.0.0.1:9/x", "clickhouse_connect", "halfopen[clickhouse]"),
    ],
)
def test_a_missing_extra_says_what_to_do(chosen, monkeypatch, url, module, extra):
    """As an error of a store: requests go on, and outcomes wait."""
    real = builtins.__import__

    def missing(name, *arguments, **named):
        if name == module:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", missing)
    chosen.choose(url)
    with pytest.raises(StoreError, match="isn't installed: pip install") as refused:
        chosen.open()
    assert extra in str(refused.value)


def test_a_snapshot_sets_everything(state, snapshot):
    """Address, bounds and the part that is kept; the value of a reference comes from the environment."""
    record = Record(state, lambda source, after: None)
    settings = Store(
        url="${PLACE}", max_mb=16, keep_successes=0.25, rows_days=2, minutes_days=3, hours_days=40
    )
    snapshot = snapshot("m", 8500)
    snapshot = replace(snapshot, store=settings)
    record.follow(snapshot, {})
    with pytest.raises(StoreError, match="has not been read"):
        record.store.open()
    record.follow(snapshot, {"PLACE": " chdb:///var/lib/x "})
    assert record.store.place == "chdb:///var/lib/x"
    writer = record.writer
    assert writer.retention == Retention(rows_s=2 * 86400, minutes_s=3 * 86400, hours_s=40 * 86400)
    assert (writer.max_bytes, writer.folding.keep_successes, writer.gather_s) == (16 << 20, 0.25, BLOCK_S)


def test_without_a_snapshot_the_file_is_used(state):
    """With the defaults."""
    record = Record(state, lambda source, after: None)
    record.follow(None, {})
    assert record.store.place == str(state.outcomes_path)
    assert record.writer.gather_s == GATHER_S
