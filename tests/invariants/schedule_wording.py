"""Events and actions in few words, for traces that people read and that are equal to the byte."""

from halfopen.policy import actions as act
from halfopen.policy import events as ev


def told(what: ev.Event | act.Action) -> str:
    """One event or action, with every number in full."""
    if isinstance(what, ev.Failed | ev.Shed | act.Fail):
        fault = what.fault
        head = f"{type(what).__name__}({fault.kind.value}, {fault.verdict.value}, delay {fault.delay_s!r}"
        if isinstance(what, ev.Failed):
            return f"{head}, attempt {what.attempt}, usage {what.usage is not None})"
        return f"{head}, committed {what.committed})" if isinstance(what, act.Fail) else f"{head})"
    if isinstance(what, act.Send | act.ContinueOn):
        hedge = ", hedge" if isinstance(what, act.Send) and what.hedge else ""
        where = f"{what.target.name}, key {what.credential}"
        return f"{type(what).__name__}({what.attempt} to {where}, until {what.deadline!r}{hedge})"
    return repr(what)
