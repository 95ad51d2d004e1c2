"""The last resort: a small model in a process of its own, started and watched by Halfopen.

`LocalModel` (in `watch`) runs in the gateway's process and never loads a model itself. The child
(`serve`) loads it and lets llama.cpp's own HTTP server answer on the loopback address.
"""

from halfopen.app.local.options import LocalOptions, capabilities
from halfopen.app.local.restart import RestartPolicy
from halfopen.app.local.watch import LocalModel, LocalState

__all__ = ["LocalModel", "LocalOptions", "LocalState", "RestartPolicy", "capabilities"]
