"""Retry-After as a date, which depends on the clock."""

from collections.abc import Iterator
from email.utils import formatdate

from halfopen.lab.acts.status import vendor_error
from halfopen.lab.fault import Act, Scene
from halfopen.lab.steps import Step


def dated(status: int, message: str) -> Act:
    """An error that asks for a wait until a date, `delay_s` from now."""

    def act(scene: Scene) -> Iterator[Step]:
        date = formatdate(scene.now + scene.number("delay_s"), usegmt=True)
        yield from vendor_error(status, message, ("retry-after", date))(scene)

    return act
