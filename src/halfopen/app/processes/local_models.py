"""The local models of a configuration: started, watched and ended as configurations change."""

import asyncio
from collections.abc import Callable

from halfopen.app.local import LocalModel, LocalOptions, LocalState
from halfopen.rollout import LocalSpec, Snapshot

_LAST_S = 10.0
"""A model that is wanted no more may finish what was asked of it for so long."""


class LocalModels:
    """All of them, by provider. They run in processes of their own."""

    def __init__(
        self, key: str, announce: Callable[[str], None], on_moved: Callable[[], None] = lambda: None
    ) -> None:
        """Prepare it; there are none yet.

        Args:
            key: What requests to any of them must bring.
            announce: Told, in words for a person, what becomes of them.
            on_moved: Told when one has another address than `places` last said.
        """
        self._key = key
        self._announce = announce
        self._on_moved = on_moved
        self._models: dict[str, tuple[LocalSpec, LocalModel]] = {}
        self._told: dict[str, str] = {}
        self._leaving: dict[LocalModel, asyncio.TimerHandle] = {}
        self._ends: set[asyncio.Task[None]] = set()

    def places(self) -> dict[str, str]:
        """Where each is, or will be once it is ready."""
        self._told = {name: model.base_url for name, (_, model) in self._models.items()}
        return dict(self._told)

    async def adopt(self, snapshot: Snapshot) -> None:
        """Have those that the snapshot names: the same ones go on, others end or begin.

        Returns before new ones are ready.

        Raises:
            OSError: No port is free.
        """
        wanted = {name: spec.local for name, spec in snapshot.providers.items() if spec.local is not None}
        for name, (spec, model) in list(self._models.items()):
            if wanted.get(name) != spec:
                del self._models[name]
                loop = asyncio.get_running_loop()
                self._leaving[model] = loop.call_later(_LAST_S, self._end, model)
        for name, spec in wanted.items():
            if name not in self._models:
                model = watched(name, local_options(spec), self._announce, self._look)
                model.key = self._key
                self._models[name] = (spec, model)
                await model.start()

    async def stop(self) -> None:
        """End all."""
        for model, last in list(self._leaving.items()):
            last.cancel()
            await model.stop()
        for _, model in self._models.values():
            await model.stop()

    def _end(self, model: LocalModel) -> None:
        del self._leaving[model]
        task = asyncio.get_running_loop().create_task(model.stop())
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)

    def _look(self) -> None:
        if any(self._told.get(name) != model.base_url for name, (_, model) in self._models.items()):
            self._on_moved()


def watched(
    name: str,
    options: LocalOptions,
    announce: Callable[[str], None],
    on_ready: Callable[[], None] = lambda: None,
) -> LocalModel:
    """A local model whose changes are announced: a last resort that isn't there must not be a surprise."""

    def tell(state: LocalState) -> None:
        if state is LocalState.READY:
            on_ready()
            announce(f"local model {name}: ready")
        elif state is LocalState.FAILED:
            announce(f"local model {name}: failed: {model.error}")

    model = LocalModel(options, on_change=tell)
    return model


def local_options(spec: LocalSpec) -> LocalOptions:
    """The settings of a local model."""
    return LocalOptions(
        gguf=spec.gguf,
        context_tokens=spec.context_tokens,
        threads=spec.threads,
        start_s=spec.start_s,
        parallel=spec.parallel,
        answer_tokens=spec.answer_tokens,
    )
