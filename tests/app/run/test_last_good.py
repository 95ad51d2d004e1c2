"""A gateway that starts with a file that can't be served: what it served last stands in."""

from pathlib import Path
from typing import Any

import pytest

from halfopen.app.processes.asking import NoAnswerError, ask
from halfopen.app.processes.messages import Ask
from halfopen.app.processes.state_directory import StateDirectory


def status(stage: Any) -> dict[str, Any]:
    """What `halfopen status --json` prints; while control isn't there yet, that it isn't."""
    try:
        return ask(StateDirectory(Path(stage.state)).socket_path, Ask("status")).data
    except NoAnswerError as error:
        return {"snapshot": "", "configuration": {"problem": ""}, "workers": [], "problems": [str(error)]}


def is_served(stage: Any, before: str) -> bool:
    """Whether the workers have said that they serve another snapshot, without a problem."""
    told = status(stage)
    served = {worker.get("snapshot") for worker in told["workers"]}
    return served == {told["snapshot"]} and before not in served and not told["problems"]


def test_it_serves_what_it_served_last(play: Any, kit: Any) -> None:
    """And says so on standard error and in the status, until the file is mended."""

    async def scene(stage: Any) -> None:
        first = await stage.start(workers=1)
        await first.end()
        stage.write(target="nobody")
        second = await stage.run("--config", str(stage.file))
        assert second.told["snapshot"] == first.told["snapshot"]
        assert (await (await kit.client.connect(second.port)).ask())[0] == 200
        await second.until_said("which was served last")
        assert f"{stage.file}:" in second.said
        await kit.eventually(lambda: status(stage)["configuration"]["problem"], lambda: status(stage))
        assert any("nobody" in problem for problem in status(stage)["problems"])
        stage.write(target="q")
        await kit.eventually(lambda: is_served(stage, first.told["snapshot"]), lambda: status(stage))
        _, headers, _ = await (await kit.client.connect(second.port)).ask()
        assert headers["x-halfopen-upstream"].startswith("q/")

    play(scene)


def test_without_an_earlier_one_it_does_not_start(play: Any) -> None:
    """Nor does it with an earlier one whose key is not there any more."""

    async def scene(stage: Any) -> None:
        with pytest.raises(AssertionError, match="nobody"):
            await stage.start(target="nobody")
        stage.write(target="p")
        await (await stage.run("--config", str(stage.file))).end()
        stage.write(target="nobody")
        with pytest.raises(AssertionError, match="nobody"):
            await stage.run("--config", str(stage.file), LAB_KEY="")

    play(scene)
