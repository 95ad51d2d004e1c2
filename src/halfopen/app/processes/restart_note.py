"""What of a configuration can't be changed while its processes run."""

from halfopen.rollout import Snapshot


def needs_restart(old: Snapshot, new: Snapshot) -> str:
    """Why `new` can't take the place of `old` in running processes, for a person; empty: it can."""
    changes = [
        (f"{table}.{name}", getattr(getattr(old, table), name), getattr(getattr(new, table), name))
        for table, name in (
            ("gateway", "host"),
            ("gateway", "port"),
            ("processes", "workers"),
            ("processes", "replicas"),
            ("processes", "state_dir"),
        )
    ]
    changed = [
        f"{setting} = {after!r} (was {before!r})" for setting, before, after in changes if before != after
    ]
    if not changed:
        return ""
    return f"{', '.join(changed)} needs a restart of halfopen run; until then nothing of it is served"
