"""What the supervisor runs beside its children: the lab, and local models."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvloop

from halfopen.app.configuration import load
from halfopen.app.processes import local_models
from halfopen.app.processes.backing import Backing
from halfopen.app.processes.local_models import LocalModels
from halfopen.rollout import LocalSpec, ProviderSpec, Snapshot
from halfopen.rollout.settings import Gateway
from halfopen.rollout.snapshot import sealed

KEY = "key-of-all-local-models"
START_S = 20.0
"""Three processes that start at once may take so long on a busy machine."""


def local(tmp_path: Path, **names: int) -> Snapshot:
    """A snapshot with local models, by name and tokens of context. None has a file that can be loaded."""
    specs = {
        name: ProviderSpec(
            name, "openai", "", local=LocalSpec(gguf=str(tmp_path / "none.gguf"), context_tokens=tokens)
        )
        for name, tokens in names.items()
    }
    return Snapshot(Gateway(), specs, {})


def test_without_keys_the_lab_runs_and_is_what_is_served(tmp_path: Path) -> None:
    """Where it found ports, with the rest of the configuration, and marked."""
    loaded = load(None, {}, directory=tmp_path)
    gateway = msgspec.structs.replace(loaded.snapshot.gateway, queue_max=7)
    loaded = replace(loaded, snapshot=replace(loaded.snapshot, gateway=gateway))

    async def main() -> None:
        backing = Backing(loaded, KEY, lambda _: None, lambda: None)
        snapshot, secrets = await backing.start()
        try:
            assert snapshot == sealed(snapshot)
            assert snapshot.id == sealed(snapshot).id
            assert snapshot.gateway.queue_max == 7
            assert set(backing.lab_ports) == {"openai", "anthropic", "gemini"}
            assert str(backing.lab_ports["openai"]) in snapshot.providers["openai"].base_url
            assert {secrets[name] for name in secrets} == {"lab"}
            assert dict(backing.answer_headers)["x-halfopen-lab"].startswith("simulated")
            await asyncio.open_connection("127.0.0.1", backing.lab_ports["gemini"])
        finally:
            await backing.stop()

    asyncio.run(main())


def test_with_a_file_nothing_runs_beside(tmp_path: Path) -> None:
    """And the snapshot has the id of its content, whatever it was loaded with."""
    file = tmp_path / "halfopen.toml"
    file.write_text(
        '[providers.p]\ndialect = "openai"\nkey = "${K}"\n[routes.m]\ntargets = ["p/gpt-4o-mini"]\n'
    )
    loaded = load(file, {"K": "sk-x"})

    async def main() -> None:
        backing = Backing(replace(loaded, snapshot=replace(loaded.snapshot, id="")), KEY, print, print)
        snapshot, secrets = await backing.start()
        await backing.start_models(snapshot)
        assert snapshot.id == loaded.snapshot.id
        assert (dict(secrets), backing.lab_ports, backing.places()) == ({"K": "sk-x"}, {}, {})
        await backing.stop()

    asyncio.run(main())


def test_local_models_follow_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    """The same ones go on where they are; a changed one begins anew; one that is gone ends, a little later."""
    monkeypatch.setattr(local_models, "_LAST_S", 0.05)

    async def main() -> None:
        told: list[str] = []
        models = LocalModels(KEY, told.append)
        await models.adopt(local(tmp_path, a=1024, b=1024, c=1024))
        first = models.places()
        by_name = {name: model for name, (_, model) in models._models.items()}
        assert set(first) == {"a", "b", "c"}
        assert {model.key for model in by_name.values()} == {KEY}
        await eventually(lambda: len(told) == 3, START_S)
        for name in "abc":
            assert sum(line.startswith(f"local model {name}: failed: ") for line in told) == 1, told
        await models.adopt(local(tmp_path, a=1024, b=2048))
        second = models.places()
        assert second["a"] == first["a"]
        assert set(second) == {"a", "b"}
        # Not by its address: the one that failed has none any more, so a new one may get the same.
        assert models._models["a"][1] is by_name["a"]
        assert models._models["b"][1] is not by_name["b"]
        await eventually(lambda: {by_name[name].state.value for name in "bc"} == {"stopped"})
        assert by_name["a"].state.value == "failed"
        await models.stop()
        assert by_name["a"].state.value == "stopped"

    uvloop.run(main())


def test_a_local_model_that_has_moved_is_told(tmp_path: Path) -> None:
    """Another process may have taken its port."""

    async def main() -> None:
        moved: list[None] = []
        models = LocalModels(KEY, lambda _: None, lambda: moved.append(None))
        await models.adopt(local(tmp_path, a=1024))
        models.places()
        models._look()
        assert moved == []
        models._models["a"][1]._port += 1
        models._look()
        assert len(moved) == 1
        models.places()
        models._look()
        assert len(moved) == 1
        await models.stop()

    uvloop.run(main())
